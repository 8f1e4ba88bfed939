/** The cluster as placement counts it: hosts, pools, machines and volumes as rows of numbers. */
export type { HostChanges } from './changes.ts'
export * from './fleet.ts'
export * from './request.ts'
export * from './standby.ts'
