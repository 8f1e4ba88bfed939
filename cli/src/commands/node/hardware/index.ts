/** A host's hardware report for people, one file per group of sections. */
export * from './report.ts'
export * from './summary.ts'
