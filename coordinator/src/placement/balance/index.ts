/** Rebalancing the cluster's records: what may move, towards what, and the plan in words. */
export * from './plan-moves.ts'
