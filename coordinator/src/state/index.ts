/** The cluster in memory: records, tables, indexes, invariants. Pure: no time, chance or I/O. */
export * from './cluster-state.ts'
export type { Candidate, HostIndex } from './host-index.ts'
export * from './invariants.ts'
export type { Change, Journal } from './journal.ts'
export * from './records.ts'
export { lowerBound, type ReadonlyTable } from './table.ts'
