import type * as pb from '../gen/keelson/v1/placement.ts'
import type {
  BandwidthWindow,
  Guarantee,
  GuaranteeMode,
  MissingLabelAction,
  PlacementPolicy,
  PolicyScope,
  RebalanceLimits,
} from '../model/index.ts'
import {
  type Codec,
  defaulting,
  int64,
  list,
  number,
  oneOf,
  optional,
  optionalOneOf,
  optionalTime,
  record,
  text,
} from './record.ts'

/** PolicyScope, where unset means Cluster. */
export const policyScopeCodec = defaulting(
  oneOf<pb.PolicyScope, PolicyScope>({ 1: 'Cluster', 2: 'StorageClass', 3: 'Tenant' }),
  0,
  'Cluster',
)

/** Guarantee. */
export const guaranteeCodec = record<pb.Guarantee, Guarantee>({
  failureDomain: text,
  losses: defaulting(number, 0, 1),
  mode: defaulting(
    oneOf<pb.GuaranteeMode, GuaranteeMode>({ 1: 'Off', 2: 'Warn', 3: 'Enforce' }),
    0,
    'Off',
  ),
})

/** RebalanceLimits. */
export const rebalanceLimitsCodec = record<pb.RebalanceLimits, RebalanceLimits>({
  movesPerNode: number,
  movesPerDomain: number,
  failureDomain: text,
  bandwidthBytesPerSecond: int64,
  windows: list(
    record<pb.BandwidthWindow, BandwidthWindow>({
      startMinute: number,
      endMinute: number,
      bandwidthBytesPerSecond: int64,
    }),
  ),
})

/** Weights by name of their score part. */
const weights: Codec<Record<string, number>, Readonly<Record<string, number>>> = {
  read: (value) => value,
  write: (value) => ({ ...value }),
}

/** PlacementPolicy. What it says is for `checkPolicy` to judge. */
export const placementPolicyCodec = record<pb.PlacementPolicy, PlacementPolicy>({
  scope: policyScopeCodec,
  name: text,
  version: int64,
  updatedAt: optionalTime,
  weights,
  guarantees: list(guaranteeCodec),
  cpuOvercommitPercent: optional(number),
  minFreeDataPercent: optional(number),
  minFreeMetadataPercent: optional(number),
  maxWearPercent: optional(number),
  missingLabelAction: optionalOneOf<pb.MissingLabelAction, MissingLabelAction>({
    1: 'Refuse',
    2: 'Warn',
  }),
  rebalanceLimits: optional(rebalanceLimitsCodec),
})
