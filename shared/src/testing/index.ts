/** Help for tests and for the simulation: time that moves only when told to, golden scripts. */
export * from './fake-clock.ts'
export * from './script.ts'
