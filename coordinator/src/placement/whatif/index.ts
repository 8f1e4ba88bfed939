/** What would happen if: failures and changes, played on a copy of the cluster. */
export * from './flavor-capacity.ts'
export * from './play-steps.ts'
export { LIKE, PROFILES } from './profiles.ts'
export * from './state-world.ts'
export * from './world.ts'
