import { KeelsonError } from '@keelson/shared/errors'
import {
  checkLabelKey,
  type Guarantee,
  type PlacementPolicy,
  type RebalanceLimits,
} from '@keelson/shared/model'
import { DEFAULT_WEIGHTS } from '../choose/index.ts'

/** Largest weight of a score part: sums of costs stay exact below it. */
const LARGEST_WEIGHT = 1_000_000
/** Most guarantees in one policy: each is proven for every failure domain of its label. */
const MOST_GUARANTEES = 16
/** Most domains lost at once in one guarantee. */
const MOST_LOSSES = 16
/** Most bandwidth windows in one policy. */
const MOST_WINDOWS = 48
const MINUTES_OF_A_DAY = 24 * 60

/** Checks a policy by itself; raises INVALID_ARGUMENT that names the first thing wrong. */
export function checkPolicy(policy: PlacementPolicy): void {
  if ((policy.scope === 'Cluster') !== (policy.name === ''))
    refuse(
      policy.scope === 'Cluster'
        ? `the cluster's policy has no name, not "${policy.name}"`
        : `a policy of a ${policy.scope === 'Tenant' ? 'tenant' : 'storage class'} needs its name`,
    )
  checkWeights(policy.weights)
  checkGuarantees(policy)
  percent('cpu_overcommit_percent', policy.cpuOvercommitPercent, 100, 100_000)
  percent('min_free_data_percent', policy.minFreeDataPercent, 0, 99)
  percent('min_free_metadata_percent', policy.minFreeMetadataPercent, 0, 99)
  percent('max_wear_percent', policy.maxWearPercent, 0, 100)
  if (policy.rebalanceLimits && policy.scope !== 'Cluster')
    refuse("only the cluster's policy may limit rebalancing")
  if (policy.rebalanceLimits) checkLimits(policy.rebalanceLimits)
}

function checkWeights(weights: PlacementPolicy['weights']): void {
  const known = Object.keys(DEFAULT_WEIGHTS)
  for (const [part, weight] of Object.entries(weights)) {
    if (!known.includes(part))
      refuse(`there is no score part "${part}"; known ones are ${known.join(', ')}`)
    if (!Number.isFinite(weight)) refuse(`weight of "${part}" is ${weight}, it must be finite`)
    if (weight < 0) refuse(`weight of "${part}" is ${weight}, it must not be negative`)
    if (weight > LARGEST_WEIGHT)
      refuse(`weight of "${part}" is ${weight}, at most ${LARGEST_WEIGHT} is possible`)
  }
}

function checkGuarantees({ guarantees }: PlacementPolicy): void {
  if (guarantees.length > MOST_GUARANTEES)
    refuse(`${guarantees.length} guarantees, at most ${MOST_GUARANTEES} are possible`)
  const seen = new Set<string>()
  for (const guarantee of guarantees) {
    checkOneGuarantee(guarantee)
    const { failureDomain } = guarantee
    if (seen.has(failureDomain)) refuse(`there are two guarantees about ${whatOf(guarantee)}`)
    seen.add(failureDomain)
  }
}

/** Checks a guarantee by itself; raises INVALID_ARGUMENT. */
export function checkOneGuarantee(guarantee: Guarantee): void {
  const { failureDomain, losses } = guarantee
  if (failureDomain !== '') checkLabelKey(failureDomain)
  if (Number.isInteger(losses) && losses >= 1 && losses <= MOST_LOSSES) return
  refuse(
    `the guarantee about ${whatOf(guarantee)} has ${losses} losses, 1 to ${MOST_LOSSES} are possible`,
  )
}

function whatOf({ failureDomain }: Guarantee): string {
  return failureDomain === '' ? 'single hosts' : failureDomain
}

/** Checks limits of rebalancing; raises INVALID_ARGUMENT that names the first thing wrong. */
export function checkLimits(limits: RebalanceLimits): void {
  if (limits.failureDomain !== '') checkLabelKey(limits.failureDomain)
  const { bandwidthBytesPerSecond, movesPerDomain, movesPerNode, windows } = limits
  const counts = { movesPerNode, movesPerDomain, bandwidthBytesPerSecond }
  for (const [name, count] of Object.entries(counts))
    if (!Number.isInteger(count) || count < 0)
      refuse(`${name} is ${count}, it must be a whole number from 0 on`)
  if (windows.length > MOST_WINDOWS)
    refuse(`${windows.length} bandwidth windows, at most ${MOST_WINDOWS} are possible`)
  for (const { bandwidthBytesPerSecond: bandwidth, endMinute, startMinute } of windows) {
    for (const minute of [startMinute, endMinute])
      if (!Number.isInteger(minute) || minute < 0 || minute >= MINUTES_OF_A_DAY)
        refuse(`minute ${minute} is not one of a day, 0 to ${MINUTES_OF_A_DAY - 1}`)
    if (!Number.isInteger(bandwidth) || bandwidth < 0)
      refuse(`bandwidth of a window is ${bandwidth}, it must be a whole number from 0 on`)
  }
}

function percent(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined) return
  if (!Number.isInteger(value) || value < least || value > most)
    refuse(`${name} is ${value}, it must be a whole number from ${least} to ${most}`)
}

function refuse(message: string): never {
  throw new KeelsonError('INVALID_ARGUMENT', message)
}
