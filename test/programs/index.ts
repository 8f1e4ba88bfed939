/** Starts the project's programs as an operator would, and calls them without wrappers. */
export * from './client.ts'
export * from './processes.ts'
