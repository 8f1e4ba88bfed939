/** Which cluster to talk to, and as whom. */
export * from './context-file.ts'
export * from './resolve.ts'
