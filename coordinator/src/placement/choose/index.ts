/** Where one machine or volume goes, decided at once and for good: exact, by one sum of costs. */
export * from './chooser.ts'
export * from './cost.ts'
export * from './obstacle.ts'
export * from './weights.ts'
