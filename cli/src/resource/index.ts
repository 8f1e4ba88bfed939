/** What all resources have in common, and how a kind of them is shown. */
export * from './kind.ts'
export * from './meta.ts'
