/**
 * The search: every host, every standby, every set of replicas, best first. A host, a standby and
 * a set have floors, the least that a choice with them can cost; what cannot beat the best choice
 * so far is not looked at, so the result is that of looking at everything.
 */
import type { Choice, Fleet, MachineRequest } from '../fleet/index.ts'
import type { Costs } from './cost.ts'
import { createRanking, type Ranking } from './ranking.ts'
import type { VolumeView } from './replicas.ts'
import { type Shape, viewWithout } from './shape.ts'

/** What a search works on. */
export interface SearchContext {
  readonly fleet: Fleet
  readonly costs: Costs
  /** Rankings for orders that hold for one request only. */
  readonly scratch: { readonly hosts: Ranking; readonly standbys: Ranking }
}

/** The means of searching a fleet. */
export function createSearchContext(fleet: Fleet, costs: Costs): SearchContext {
  const scratch = {
    hosts: createRanking(fleet.hostCount),
    standbys: createRanking(fleet.hostCount),
  }
  return { fleet, costs, scratch }
}

/**
 * How often a decision may branch because volumes do not fit a pool together. Beyond, places where
 * they do not are passed over.
 */
const MOST_SPLITS = 1000

/** One search under way. */
interface Search {
  readonly context: SearchContext
  readonly request: MachineRequest
  readonly shape: Shape
  /** Hosts by the least that a choice with them can cost, but for `floor`. */
  readonly hosts: Ranking
  readonly standbys: Ranking
  /** The least that replicas beside those on the host and the standby can cost. */
  readonly floor: number
  readonly budget: { splits: number }
  /** Hosts that look like one for which no standby was found need not be tried. */
  readonly hopeless: Set<string>
}

/** The cheapest choice, null if there is none. The cost is in steps. */
export function search(
  context: SearchContext,
  request: MachineRequest,
  shape: Shape,
): Choice | null {
  for (const view of shape.volumes) view.begin(request.seed)
  const near = Number(request.locality === 'Required')
  const kept = Number(request.standby === 'Replica')
  if (shape.volumes.some((view) => view.request.replicas < near + kept)) return null
  let floor = 0
  for (const view of shape.volumes) floor += view.floor(view.request.replicas - near - kept)
  if (floor === Infinity) return null
  const hosts = hostOrder(context, request, shape)
  const standbys = standbyOrder(context, request, shape)
  hosts.begin(request.seed)
  standbys.begin(request.seed)
  const budget = { splits: MOST_SPLITS }
  return bestHost({ context, request, shape, hosts, standbys, floor, budget, hopeless: new Set() })
}

/** Hosts in the order of their floors. */
function hostOrder(
  { costs, scratch }: SearchContext,
  { attached, locality, standby }: MachineRequest,
  { machine, together, volumes }: Shape,
): Ranking {
  if (locality === 'Required' && attached.length === 0) return together
  const kept = Number(standby === 'Replica')
  const margins = volumes.map(({ floor, request: { replicas } }) => ({
    all: floor(Math.max(0, replicas - kept)),
    // The standby's replica may be the only one: none is left for the host.
    others: replicas > kept ? floor(replicas - kept - 1) : Infinity,
  }))
  scratch.hosts.fill((host) => {
    let far = 0
    for (const rows of attached) if (!rows.includes(host)) far++
    if (locality === 'Required') return far > 0 ? Infinity : together.costs[host]!
    if (locality === 'Ignored') return machine[host]!
    let cost = machine[host]! + far * costs.locality
    for (let i = 0; i < volumes.length; i++) {
      const { all, others } = margins[i]!
      const near = volumes[i]!.hosts.costs[host]! + others - all
      cost += Math.max(0, Math.min(costs.locality, near))
    }
    return cost
  })
  return scratch.hosts
}

/** Standbys in the order of their floors. */
function standbyOrder(
  { scratch }: SearchContext,
  { attached, standby }: MachineRequest,
  { standbys }: Shape,
): Ranking {
  if (standby !== 'Replica' || attached.length === 0) return standbys
  scratch.standbys.fill((host) =>
    attached.every((rows) => rows.includes(host)) ? standbys.costs[host]! : Infinity,
  )
  return scratch.standbys
}

function bestHost(search: Search): Choice | null {
  const { floor, hosts, request, standbys } = search
  const first = request.standby === 'None' ? -1 : standbys.at(0)
  if (request.standby !== 'None' && first < 0) return null
  const least = floor + (first < 0 ? 0 : standbys.costs[first]!)
  let best: Choice | null = null
  for (let place = 0; ; place++) {
    const host = hosts.at(place)
    const limit: number = best?.cost ?? Infinity
    if (host < 0 || hosts.costs[host]! + least >= limit) return best
    best = withHost(search, host, limit) ?? best
    if (place === 0 && !best && search.shape.volumes.some(hasNoPlace)) return null
  }
}

/** Whether a volume has no place whatever the host is. */
function hasNoPlace(view: VolumeView): boolean {
  return view.complete([], Infinity) === Infinity
}

/** The cheapest choice with a host that costs less than `limit`. */
function withHost(search: Search, host: number, limit: number): Choice | null {
  const { context, floor, hosts, request, shape, standbys } = search
  const { costs, fleet } = context
  const far = request.attached.filter((rows) => !rows.includes(host)).length
  const own = shape.machine[host]! + (request.locality === 'Preferred' ? far * costs.locality : 0)
  if (request.standby === 'None') return withPlaces(search, host, -1, own, limit)
  if (request.standby === 'Any') {
    const standby = standbyAnywhere(search, host)
    return standby && withPlaces(search, host, standby.row, own + standby.cost, limit)
  }
  const near = nearCost(search, host, own)
  if (near === Infinity) return null
  const domain = fleet.lossDomains[host]!
  const likes = `${domain},${shape.volumes.map(({ spread }) => spread.sorts[host])}`
  if (search.hopeless.has(likes)) return null
  const { splits } = search.budget
  let best: Choice | null = null
  for (let place = 0; ; place++) {
    const standby = standbys.at(place)
    const bound: number = best?.cost ?? limit
    if (standby < 0) {
      if (bound === Infinity && search.budget.splits === splits) search.hopeless.add(likes)
      return best
    }
    if (hosts.costs[host]! + floor + standbys.costs[standby]! >= bound) return best
    if (fleet.lossDomains[standby] === domain) continue
    const kept = costs.standby(request.amounts, standby, domain)
    if (near + kept >= bound) continue
    best = withPlaces(search, host, standby, own + kept, bound) ?? best
  }
}

/** The least that the machine on its host and all volumes can cost, whatever the standby. */
function nearCost({ request, shape }: Search, host: number, own: number): number {
  let sum = own
  const forced = request.locality === 'Required' ? [host] : []
  for (const view of shape.volumes) sum += view.complete(forced, Infinity)
  return sum
}

/** The cheapest standby that needs no data. */
function standbyAnywhere(
  { context, request, standbys }: Search,
  host: number,
): { readonly row: number; readonly cost: number } | null {
  const { costs, fleet } = context
  const domain = fleet.lossDomains[host]!
  let best: { readonly row: number; readonly cost: number } | null = null
  for (let place = 0; ; place++) {
    const row = standbys.at(place)
    const bound: number = best?.cost ?? Infinity
    if (row < 0 || standbys.costs[row]! >= bound) return best
    const cost = costs.standby(request.amounts, row, domain)
    if (cost < bound) best = { row, cost }
  }
}

/** The cheapest replicas for a machine on `host` with this standby. */
function withPlaces(
  search: Search,
  host: number,
  standby: number,
  own: number,
  limit: number,
): Choice | null {
  const { volumes } = search.shape
  if (volumes.length === 0) return own < limit ? { host, standby, pools: [], cost: own } : null
  const found = placeVolumes(search, volumes, host, standby, limit - own)
  return found && { host, standby, pools: found.pools, cost: own + found.cost }
}

interface Replicas {
  readonly pools: readonly (readonly number[])[]
  readonly cost: number
}

/** The cheapest replicas of all volumes; each volume by itself unless they do not fit together. */
function placeVolumes(
  search: Search,
  views: readonly VolumeView[],
  host: number,
  standby: number,
  limit: number,
): Replicas | null {
  const pools: number[][] = []
  let cost = 0
  for (const view of views) {
    cost += placeVolume(search, view, host, standby, limit - cost)
    if (cost >= limit) return null
    pools.push(Array.from(view.found, (row) => view.pools[row]!))
  }
  const overfull = views.length > 1 ? overfullPool(search.context.fleet, views, pools) : -1
  if (overfull < 0) return { pools, cost }
  return splitVolumes(search, views, host, standby, limit, { overfull, pools })
}

/** Cost of one volume, by the locality that is asked for. Its hosts are in `view.found`. */
function placeVolume(
  { context, request }: Search,
  view: VolumeView,
  host: number,
  standby: number,
  limit: number,
): number {
  const forced = request.standby === 'Replica' ? [standby] : []
  if (request.locality === 'Ignored') return view.complete(forced, limit)
  const near = view.complete([host, ...forced], limit)
  if (request.locality === 'Required') return near
  const { locality } = context.costs
  const hosts = near < Infinity ? view.found.slice() : undefined
  const far = view.complete(forced, Math.min(near, limit) - locality) + locality
  if (far < near) return far
  if (hosts) view.found.set(hosts)
  return near
}

/** A pool that cannot hold what several volumes want of it; -1 if there is none. */
function overfullPool(
  { poolCapacity, poolPromised }: Fleet,
  views: readonly VolumeView[],
  pools: readonly (readonly number[])[],
): number {
  const wanted = new Map<number, number>()
  for (const [index, rows] of pools.entries())
    for (const pool of rows) {
      const sum = (wanted.get(pool) ?? poolPromised[pool]!) + views[index]!.request.sizeBytes
      if (sum > poolCapacity[pool]!) return pool
      wanted.set(pool, sum)
    }
  return -1
}

/** One of the volumes that share an overfull pool has to leave it: tries each. */
function splitVolumes(
  search: Search,
  views: readonly VolumeView[],
  host: number,
  standby: number,
  limit: number,
  { overfull, pools }: { overfull: number; pools: readonly (readonly number[])[] },
): Replicas | null {
  const { budget, context, request } = search
  const sharing = views.flatMap((_, index) => (pools[index]!.includes(overfull) ? [index] : []))
  let best: Replicas | null = null
  for (const leaver of sharing) {
    if (budget.splits-- <= 0) return best
    const others = views.map((view, index) =>
      index === leaver
        ? viewWithout(context.fleet, context.costs, view, overfull, request.seed)
        : view,
    )
    const bound: number = best?.cost ?? limit
    best = placeVolumes(search, others, host, standby, bound) ?? best
  }
  return best
}
