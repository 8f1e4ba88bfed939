/**
 * The cheapest replicas of one volume. Each host offers its cheapest pool. Hosts of one sort, those
 * that look the same to every spread rule, can stand in for each other, so only the cheapest few
 * of each sort are looked at; among those the search is exhaustive and leaves a branch as soon as
 * it cannot get cheaper. What goes best with a host depends on its sort: it is searched once each.
 */
import type { DomainRule, VolumeRequest } from '../fleet/index.ts'
import { createRanking, type Ranking } from './ranking.ts'
import type { SpreadRules } from './spread.ts'

/** What one volume would cost, host by host. */
export interface VolumeView {
  readonly request: VolumeRequest
  readonly spread: SpreadRules
  /** Cost of a replica on each host, in the cheapest of its pools. */
  readonly hosts: Ranking
  /** That pool. */
  readonly pools: Int32Array
  /** Pools left out, because they cannot hold this and other volumes of the request together. */
  readonly without: ReadonlySet<number> | undefined
  /** A view of its own that begins with the costs of this one. */
  copy(without: ReadonlySet<number>): VolumeView
  /** Begins a decision. */
  begin(seed: number): void
  /** The least that so many replicas could cost. */
  floor(replicas: number): number
  /**
   * The cheapest hosts for all replicas, the forced ones among them, if they cost less than
   * `limit`; otherwise Infinity. They are then in `found`.
   */
  complete(forced: readonly number[], limit: number): number
  readonly found: Int32Array
}

/** Cost of one replica too many in a domain that should have been another. */
export interface SoftCosts {
  readonly spread: number
}

/** A view of a volume whose hosts are priced by others. */
export function createVolumeView(
  request: VolumeRequest,
  spread: SpreadRules,
  { hosts, pools }: Pick<VolumeView, 'hosts' | 'pools'>,
  soft: SoftCosts,
): VolumeView {
  return viewOf({ request, spread, hosts, pools, soft, without: undefined })
}

interface ViewContents {
  readonly request: VolumeRequest
  readonly spread: SpreadRules
  readonly hosts: Ranking
  readonly pools: Int32Array
  readonly soft: SoftCosts
  readonly without: ReadonlySet<number> | undefined
}

/** What goes best with forced hosts, whatever hosts of their sorts they are. */
interface Company {
  /** Beside the forced hosts; penalties included. */
  readonly cost: number
  readonly rows: readonly number[]
}

function viewOf(contents: ViewContents): VolumeView {
  const { hosts, pools, request, soft, spread } = contents
  const { replicas } = request
  const { rules, sortCount, sorts } = spread
  const shortlist = createShortlist(hosts, spread, replicas)
  const chosen = new Int32Array(replicas)
  const found = new Int32Array(replicas)
  const companies = new Map<number, Company>()
  let best = Infinity

  /** Fills up `chosen` from the shortlist; `apart` is how many of them may not come again. */
  function search(place: number, count: number, cost: number, apart: number): void {
    if (count === replicas) {
      best = cost
      found.set(chosen)
      return
    }
    for (let next = place; ; next++) {
      const row = shortlist.at(next)
      if (row < 0 || cost + (replicas - count) * hosts.costs[row]! >= best) return
      if (chosen.lastIndexOf(row, apart - 1) >= 0 && apart > 0) continue
      const added = hosts.costs[row]! + joining(rules, chosen, count, row, soft.spread)
      if (cost + added >= best) continue
      chosen[count] = row
      search(next + 1, count + 1, cost + added, apart)
    }
  }
  function companyOf(forced: readonly number[], key: number): Company {
    const known = companies.get(key)
    if (known) return known
    best = Infinity
    search(0, forced.length, 0, 0)
    const rows = best < Infinity ? Array.from(found.subarray(forced.length)) : []
    const company = { cost: best, rows }
    companies.set(key, company)
    return company
  }

  return {
    ...contents,
    found,
    copy(without) {
      const ranking = createRanking(pools.length)
      ranking.fillSum([hosts.costs])
      return viewOf({ ...contents, hosts: ranking, pools: pools.slice(), without })
    },
    begin(seed) {
      hosts.begin(seed)
      shortlist.begin()
      companies.clear()
    },
    floor(count) {
      let sum = 0
      for (let place = 0; place < count; place++) {
        const row = shortlist.at(place)
        sum += row < 0 ? Infinity : hosts.costs[row]!
      }
      return sum
    },
    complete(forced, limit) {
      if (forced.length > replicas) return Infinity
      let cost = 0
      let key = 0
      for (let count = 0; count < forced.length; count++) {
        const row = forced[count]!
        if (sorts[row]! < 0 || (count > 0 && row === forced[0])) return Infinity
        cost += hosts.costs[row]! + joining(rules, chosen, count, row, soft.spread)
        key = key * (sortCount + 1) + sorts[row]! + 1
        chosen[count] = row
      }
      if (cost >= limit) return Infinity
      const company = companyOf(forced, key)
      if (cost + company.cost >= limit) return Infinity
      for (let count = 0; count < forced.length; count++) chosen[count] = forced[count]!
      if (!company.rows.some((row) => forced.includes(row))) {
        found.set(chosen)
        found.set(company.rows, forced.length)
        return cost + company.cost
      }
      best = limit
      search(0, forced.length, cost, forced.length)
      return best < limit ? best : Infinity
    },
  }
}

/** What a host costs beside those chosen by the rules alone; Infinity if one keeps it out. */
function joining(
  rules: readonly DomainRule[],
  chosen: Int32Array,
  count: number,
  row: number,
  excess: number,
): number {
  let cost = 0
  for (let r = 0; r < rules.length; r++) {
    const { domains, maximumPerDomain, mode } = rules[r]!
    const domain = domains[row]!
    if (mode === 'Same') {
      if (count > 0 && domains[chosen[0]!] !== domain) return Infinity
      continue
    }
    let there = 0
    for (let i = 0; i < count; i++) if (domains[chosen[i]!] === domain) there++
    if (mode === 'Different') {
      if (there >= maximumPerDomain) return Infinity
    } else if (domain < 0) cost += excess / 2
    else if (there >= maximumPerDomain) cost += excess
  }
  return cost
}

/** The rows worth looking at, cheapest first, found as they are asked for. */
function createShortlist(
  hosts: Ranking,
  { quota, sortCount, sorts }: SpreadRules,
  replicas: number,
): { begin(): void; at(place: number): number } {
  const rows: number[] = []
  const most = Math.min(quota, replicas)
  const taken = new Uint8Array(sortCount)
  let place = 0
  let open = sortCount
  return {
    begin() {
      for (const row of rows) taken[sorts[row]!] = 0
      rows.length = 0
      place = 0
      open = sortCount
    },
    at(wanted) {
      while (rows.length <= wanted) {
        const row = open === 0 ? -1 : hosts.at(place++)
        if (row < 0) return -1
        const sort = sorts[row]!
        if (sort < 0 || taken[sort] === most) continue
        if (++taken[sort]! === most) open--
        rows.push(row)
      }
      return rows[wanted]!
    },
  }
}
