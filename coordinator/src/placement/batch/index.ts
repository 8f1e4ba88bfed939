/** Many machines placed as one problem: copies of one, or a batch of different ones. */
export * from './batch.ts'
export * from './fill.ts'
export * from './pair-shape.ts'
export * from './pairs.ts'
export * from './prices.ts'
