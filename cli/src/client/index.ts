/** Calls to the coordinator, streams that outlive its restart, waiting for what was asked. */
export * from './client.ts'
export * from './follow.ts'
export * from './pages.ts'
export * from './wait.ts'
