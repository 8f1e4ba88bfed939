/** Tools, locks and files that survive a crash: the only room that starts other processes. */
export * from './command-runner.ts'
export * from './durable-file.ts'
export * from './file-lock.ts'
export * from './local.ts'
export * from './tools.ts'
