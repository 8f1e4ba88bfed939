/** Verbs turned into a parser with help and suggestions. */
export * from './global-flags.ts'
export * from './program.ts'
