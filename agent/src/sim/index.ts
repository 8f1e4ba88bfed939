/** Simulated hosts: the real agent over disks and machines that do not exist. */
export * from './control.ts'
export * from './disk-file.ts'
export * from './hardware.ts'
export * from './host.ts'
export * from './options.ts'
export * from './simulation.ts'
