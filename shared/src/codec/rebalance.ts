import type * as pb from '../gen/keelson/v1/placement.ts'
import type {
  MovePhase,
  MoveStatus,
  Rebalance,
  RebalanceObjective,
  RebalancePhase,
  RebalancePlan,
} from '../model/index.ts'
import { rebalanceLimitsCodec } from './policy.ts'
import {
  defaulting,
  int64,
  list,
  number,
  oneOf,
  optionalTime,
  record,
  required,
  text,
} from './record.ts'
import { moveCodec } from './what-if.ts'

/** RebalanceObjective, where unset means Spread. */
export const rebalanceObjectiveCodec = defaulting(
  oneOf<pb.RebalanceObjective, RebalanceObjective>({
    1: 'Spread',
    2: 'Capacity',
    3: 'Load',
    4: 'Wear',
  }),
  0,
  'Spread',
)

/** RebalancePlan. */
export const rebalancePlanCodec = record<pb.RebalancePlan, RebalancePlan>({
  id: text,
  objective: rebalanceObjectiveCodec,
  moves: list(moveCodec),
  copiedBytes: int64,
  imbalanceBefore: number,
  imbalanceAfter: number,
  summary: text,
  resourceVersion: int64,
  expiresAt: optionalTime,
})

const moveStatusCodec = record<pb.MoveStatus, MoveStatus>({
  number,
  phase: oneOf<pb.MovePhase, MovePhase>({
    1: 'Waiting',
    2: 'Running',
    3: 'Done',
    4: 'Skipped',
    5: 'Failed',
  }),
  copiedBytes: int64,
  message: text,
})

/** Rebalance. */
export const rebalanceCodec = record<pb.Rebalance, Rebalance>({
  operation: text,
  plan: required(rebalancePlanCodec),
  phase: oneOf<pb.RebalancePhase, RebalancePhase>({
    1: 'Running',
    2: 'Pausing',
    3: 'Paused',
    4: 'Done',
  }),
  limits: required(rebalanceLimitsCodec),
  moves: list(moveStatusCodec),
})
