/** Help for tests and for the simulation: time that moves only when it is told to. */
export * from './fake-clock.ts'
