/**
 * Proven upper bounds: no way of placing, however clever, places more copies of a request.
 *
 * Each bound leaves something out of the problem and solves the rest exactly, so each is at least
 * the true number, and so is the least of them:
 *
 * - hosts: a machine stands on one host and takes all its columns there, whatever else happens;
 * - space: a volume has r replicas on r hosts, so K copies take at most K of one host, and at most
 *   K times the allowed number of one domain: r K <= sum of min(places, K);
 * - bytes: the replicas of all volumes together take no more than there is;
 * - pairs: of each volume only the replicas on the host and on the standby are kept, or no volume
 *   at all; what remains are pairs, whose bound by prices is explained in `batch/prices.ts`.
 */

import { createPrices, isPair, pairProblemOf } from '../batch/index.ts'
import { createChance } from '../chance.ts'
import type { DomainRule, Fleet, MachineRequest, VolumeRequest } from '../fleet/index.ts'

/** What a bound is about. */
export interface BoundOptions {
  /** 1 for the hosts that machines may run on; room may be kept on others too. */
  readonly within?: Uint8Array | undefined
  /** Part of the usual effort, for one of many bounds; left out: 1. Less is no less true. */
  readonly effort?: number
}

/** Evaluations of prices that make the bound of pairs tighter, and what they may cost in cells. */
const MOST_REFINEMENTS = 100
const MOST_CELLS = 2e6
/** Largest problem of pairs that is looked at. */
const LARGEST_PROBLEM = 2.5e5

/** No more copies than this fit; Infinity for a request that takes nothing. */
export function upperBound(
  fleet: Fleet,
  request: MachineRequest,
  { effort = 1, within }: BoundOptions = {},
): number {
  let least = Math.min(hostBound(fleet, request, within), byteBound(fleet, request.volumes))
  for (const volume of request.volumes) least = Math.min(least, spaceBound(fleet, volume))
  for (const pairs of relaxedToPairs(fleet, request)) {
    if (least === 0) return 0
    least = Math.min(least, pairBound(fleet, pairs, within, effort))
  }
  return least
}

/** Machines that hosts can take, each by itself. */
function hostBound(
  fleet: Fleet,
  { amounts, attached, hosts, locality }: MachineRequest,
  within: Uint8Array | undefined,
): number {
  let sum = 0
  for (let host = 0; host < fleet.hostCount; host++) {
    if (hosts?.[host] === 0 || within?.[host] === 0) continue
    if (locality === 'Required' && attached.some((rows) => !rows.includes(host))) continue
    let most = Infinity
    for (const { amount, column } of amounts) {
      const { capacity, standby, used } = fleet.columns[column]!
      const free = capacity[host]! - used[host]! - (standby?.reserve[host] ?? 0)
      if (amount > 0) most = Math.min(most, Math.max(0, Math.floor(free / amount)))
      else if (free < amount) most = 0
    }
    sum += most
  }
  return sum
}

/** Copies of a volume, by the places its replicas find. */
export function spaceBound(fleet: Fleet, volume: VolumeRequest): number {
  const { replicas, spread } = volume
  const places = placesOf(fleet, volume)
  let least = mostCopies(places, replicas, 1)
  // Rules are about how replicas stand to each other: to one replica they say nothing.
  for (const { domains, maximumPerDomain, mode } of replicas > 1 ? spread : []) {
    if (mode === 'PreferDifferent') continue
    const byDomain = Map.groupBy([...places.keys()], (host) => domains[host]!)
    byDomain.delete(-1)
    const parts = [...byDomain.values()].map((hosts) => hosts.map((host) => places[host]!))
    least = Math.min(
      least,
      mode === 'Same'
        ? parts.reduce((sum, part) => sum + mostCopies(part, replicas, 1), 0)
        : mostCopies(parts.map(sumOf), replicas, maximumPerDomain),
    )
  }
  return least
}

/** More than anything has room for. */
const HUGE = 2 ** 40

/** Replicas that each host can take. */
function placesOf(fleet: Fleet, { pools, sizeBytes }: VolumeRequest): number[] {
  const places = new Array<number>(fleet.hostCount).fill(0)
  for (let pool = 0; pool < fleet.poolCount; pool++) {
    const free = fleet.poolCapacity[pool]! - fleet.poolPromised[pool]!
    if (pools?.[pool] === 0 || free < 0) continue
    places[fleet.poolHost[pool]!]! += sizeBytes > 0 ? Math.floor(free / sizeBytes) : HUGE
  }
  return places
}

/** The most K with replicas * K <= sum over parts of min(places, each * K). */
function mostCopies(parts: readonly number[], replicas: number, each: number): number {
  let low = 0
  let high = Math.floor(sumOf(parts) / replicas)
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const found = parts.reduce((sum, places) => sum + Math.min(places, each * middle), 0)
    if (found >= replicas * middle) low = middle
    else high = middle - 1
  }
  return low < HUGE ? low : Infinity
}

function sumOf(parts: readonly number[]): number {
  return parts.reduce((sum, part) => sum + part, 0)
}

/** Copies of all volumes by the bytes of all pools that at least one of them may use. */
function byteBound(fleet: Fleet, volumes: readonly VolumeRequest[]): number {
  const each = volumes.reduce((sum, { replicas, sizeBytes }) => sum + replicas * sizeBytes, 0)
  if (each === 0) return Infinity
  let free = 0
  for (let pool = 0; pool < fleet.poolCount; pool++)
    if (volumes.some(({ pools }) => pools?.[pool] !== 0))
      free += Math.max(0, fleet.poolCapacity[pool]! - fleet.poolPromised[pool]!)
  return Math.floor(free / each)
}

/** Requests that are pairs and fit at least as often. */
function* relaxedToPairs(fleet: Fleet, request: MachineRequest): Iterable<MachineRequest> {
  const { locality, standby, volumes } = request
  if (isPair(request)) return yield request
  const rest: MachineRequest = { ...request, attached: [], numa: undefined }
  if (standby !== 'None') yield { ...rest, volumes: [], standby: 'Any', locality: 'Ignored' }
  if (locality !== 'Required' || standby === 'Any') return
  const paired = volumes.filter(({ replicas }) => replicas >= 2)
  for (const volume of paired) yield { ...rest, volumes: [{ ...volume, replicas: 2 }] }
  const merged = paired.length > 1 && mergedVolume(fleet, paired)
  if (merged) yield { ...rest, volumes: [merged] }
}

/** Volumes that lie on the same two hosts as one, where a host has no choice between pools. */
function mergedVolume(fleet: Fleet, volumes: readonly VolumeRequest[]): VolumeRequest | undefined {
  const pools = new Uint8Array(fleet.poolCount)
  for (let host = 0; host < fleet.hostCount; host++) {
    const [pool, ...others] = fleet.poolsOf(host)
    if (others.length > 0) return undefined
    if (pool !== undefined && volumes.every((volume) => volume.pools?.[pool] !== 0)) pools[pool] = 1
  }
  const sizeBytes = volumes.reduce((sum, volume) => sum + volume.sizeBytes, 0)
  const spread: DomainRule[] = volumes.flatMap((volume) => volume.spread)
  return { name: '', sizeBytes, replicas: 2, pools, spread, preference: undefined }
}

function pairBound(
  fleet: Fleet,
  request: MachineRequest,
  within: Uint8Array | undefined,
  effort: number,
): number {
  const problem = pairProblemOf(fleet, request, within, effort * LARGEST_PROBLEM)
  if (!problem) return Infinity
  const prices = createPrices(problem, createChance(1).next)
  prices.level()
  const cells = problem.hostCount * problem.groupCount
  prices.refine(Math.min(MOST_REFINEMENTS, Math.floor((effort * MOST_CELLS) / cells)), 0)
  return prices.bound < UNLIMITED ? prices.bound : Infinity
}

/** What a pair problem says for "as many as you like". */
const UNLIMITED = 2 ** 30
