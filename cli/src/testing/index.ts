/** For the tests of the command line: a terminal that remembers, and a cluster that plays a part. */
export * from './fake-cluster.ts'
export * from './samples.ts'
export * from './test-terminal.ts'
