/** Flags that say what a volume or a machine needs of its place. */
export * from './compute.ts'
export * from './disks.ts'
export * from './rules.ts'
