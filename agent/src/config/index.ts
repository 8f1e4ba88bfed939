/** What the process was asked to do: flags and environment, checked. */
export * from './options.ts'
