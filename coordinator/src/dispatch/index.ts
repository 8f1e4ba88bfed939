/** The agents' sessions: reports in, desired documents out. */
export { deriveDesiredState } from './desired-state.ts'
export * from './dispatcher.ts'
