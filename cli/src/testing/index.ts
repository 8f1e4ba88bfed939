/** For tests of the command line: a terminal that remembers, a cluster that plays a part. */
export * from './fake-cluster.ts'
export * from './samples.ts'
export * from './test-terminal.ts'
export * from './watches.ts'
