/** What a command changes, decided purely on a state: writes of one transaction, or a refusal. */
export * from './command.ts'
export { decide } from './decide.ts'
export type { Decision } from './draft.ts'
export { findNode, findPool, findVolume, found } from './lookup.ts'
export { MAXIMUM_ITEMS, needsRefresh } from './observed.ts'
