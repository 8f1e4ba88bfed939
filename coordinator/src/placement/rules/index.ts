/** Rules by name: what keeps a host or a pool out, in words and as masks, and what is preferred. */
export * from './compile-machine.ts'
export { compileVolume } from './compile-volume.ts'
export * from './compiled.ts'
export * from './contradictions.ts'
export { idOf, neighbourRules, type PlacedThing, shortLabel, type Thing } from './neighbours.ts'
export * from './numa.ts'
export { compileTieBreaker, type TieBreakerRequest } from './tie-breaker.ts'
