/** The one writer: decide, apply, make durable, tell. */
export * from './feed.ts'
export * from './pipeline.ts'
