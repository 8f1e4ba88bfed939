/** The cluster's records as a fleet: built once, kept by the journal. */
export * from './demands.ts'
export * from './host-facts.ts'
export * from './masks.ts'
export * from './pool-space.ts'
export * from './reservation.ts'
export * from './view.ts'
