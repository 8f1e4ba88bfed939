/** Flags and files of the process. */
export * from './cli-context.ts'
export * from './data-directory.ts'
export * from './options.ts'
