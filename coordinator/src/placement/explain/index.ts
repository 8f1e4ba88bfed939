/** Reports: why something is where it is, or nowhere, with numbers that add up. */
export * from './judge.ts'
export * from './machine-report.ts'
export * from './report.ts'
export * from './volume-report.ts'
export * from './why-not.ts'
