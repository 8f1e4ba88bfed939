/**
 * The best pool for one more replica of a volume: the least full one of those its rules allow. All
 * pools stand in the order of their fullness, once per mask, so that thousands of replicas are
 * made again without looking at every pool for each.
 */
import { createRanking, type Ranking } from '../choose/ranking.ts'
import type { DomainRule, Fleet, PlacedVolume } from '../fleet/index.ts'
import { allows, type VolumeRoom } from '../guarantee/index.ts'

/** Finds pools in a fleet that only this finder's user changes. */
export interface PoolFinder {
  /** The pool for a replica beside those on `hosts`, and the witnesses; -1 if there is none. */
  find(
    volume: PlacedVolume,
    room: VolumeRoom,
    hosts: readonly number[],
    witnesses: readonly number[],
  ): number
  /** Tells that what a pool has promised changed. */
  changed(pool: number): void
}

interface Order {
  readonly ranking: Ranking
  /** Size from which on no pool of the mask has room, whatever the rules. */
  tooLargeBytes: number
}

/** A finder over all pools. */
export function createPoolFinder(fleet: Fleet): PoolFinder {
  const { poolCapacity, poolCount, poolHost, poolPromised } = fleet
  // Where room is kept for the loss of a domain, data had better not be lost with one either.
  const kept = fleet.columns.some(({ standby }) => standby)
  const apart: DomainRule = {
    ...{ domains: fleet.lossDomains, mode: 'PreferDifferent', maximumPerDomain: 1 },
  }
  const orders = new Map<Uint8Array | undefined, Order>()
  const fullness = (mask: Uint8Array | undefined, pool: number) =>
    poolCapacity[pool]! > 0 && allows(mask, pool)
      ? poolPromised[pool]! / poolCapacity[pool]!
      : Infinity

  function orderOf(mask: Uint8Array | undefined): Order {
    const known = orders.get(mask)
    if (known) return known
    const ranking = createRanking(poolCount)
    ranking.fill((pool) => fullness(mask, pool))
    const order = { ranking, tooLargeBytes: Infinity }
    orders.set(mask, order)
    return order
  }

  return {
    find({ sizeBytes }, { pools: mask, spread }, hosts, witnesses) {
      const voters = kept ? [...hosts, ...witnesses] : []
      const order = orderOf(mask)
      if (sizeBytes >= order.tooLargeBytes) return -1
      order.ranking.begin(0)
      let second = -1
      let room = false
      for (let place = 0; ; place++) {
        const pool = order.ranking.at(place)
        if (pool < 0) break
        if (poolPromised[pool]! + sizeBytes > poolCapacity[pool]!) continue
        room = true
        const host = poolHost[pool]!
        const fit = hosts.includes(host) ? 'No' : fitOf(spread, hosts, host)
        if (fit === 'Well' && fitOf([apart], voters, host) === 'Well') return pool
        if (fit !== 'No' && second < 0) second = pool
      }
      if (!room) order.tooLargeBytes = sizeBytes
      return second
    },
    changed(pool) {
      for (const [mask, { ranking }] of orders) ranking.set(pool, fullness(mask, pool))
    },
  }
}

/** How a host stands to the rules about domains, beside other replicas. */
function fitOf(
  spread: readonly DomainRule[],
  hosts: readonly number[],
  host: number,
): 'Well' | 'Poorly' | 'No' {
  let fit: 'Well' | 'Poorly' = 'Well'
  for (const { domains, maximumPerDomain, mode } of spread) {
    const domain = domains[host]!
    let there = 0
    for (const other of hosts) if (domains[other] === domain) there++
    if (mode === 'Same') {
      if (domain < 0 || there < hosts.length) return 'No'
    } else if (domain < 0 || there >= maximumPerDomain) {
      if (mode === 'Different') return 'No'
      fit = 'Poorly'
    }
  }
  return fit
}
