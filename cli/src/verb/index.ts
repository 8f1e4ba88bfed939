/** The words a command is written in: verbs, arguments, flags, and the session they run in. */
export * from './arguments.ts'
export * from './common-flags.ts'
export * from './duration.ts'
export * from './flags.ts'
export * from './session.ts'
export * from './verb.ts'
