/** Help for the coordinator's tests: a small world, scripts on it, what agents report. */
export { fingerprint } from './fingerprint.ts'
export * from './report.ts'
export { machineSpec, newDisk, volumeDisk } from './script-machines.ts'
export { createDecideScript } from './script-verbs.ts'
export * from './show.ts'
export { type Action, NODES, runs, VOLUMES, walks } from './walk.ts'
export { commandsOf, createPopulatedWorld, populate } from './walk-commands.ts'
export * from './world.ts'
