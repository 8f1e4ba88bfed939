/** What the shell and the person are told of an error. */
export * from './exit-code.ts'
export * from './render.ts'
export * from './usage.ts'
