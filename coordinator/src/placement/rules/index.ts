/** Rules by name: what keeps a host or a pool out, in words and as masks, and what is preferred. */
export * from './compile-machine.ts'
export * from './compile-volume.ts'
export * from './compiled.ts'
export * from './contradictions.ts'
export { idOf, type PlacedThing, type Thing } from './neighbours.ts'
export * from './numa.ts'
