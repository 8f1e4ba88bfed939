/** Policies of placement: what is a valid one, and which holds for whom. */
export * from './check.ts'
export * from './effective.ts'
export * from './guarantees.ts'
