/** Which machines and replicas to move, in which order, so that a fleet gets better. */
export { applyMove, type PlannedMove } from './moves.ts'
export * from './objective.ts'
export {
  type Appraisal,
  planRebalance,
  type RebalanceOptions,
  type RebalancePlan,
  type Stop,
} from './plan.ts'
export type { MoveRules } from './units.ts'
