/** Tab: scripts for the shells, and the program's answer to them. */
export * from './complete.ts'
export * from './scripts.ts'
