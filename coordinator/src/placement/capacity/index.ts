/** Counting what fits: how many more machines, what limits them, and proof that no more can. */
export * from './binding.ts'
export * from './bound.ts'
export * from './capacity.ts'
