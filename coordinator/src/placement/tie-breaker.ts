/**
 * Tie-breakers: hosts that vote beside an even number of replicas and hold no data. One is wanted
 * for a failure domain of its own, so that no loss of a domain takes the majority; but it is a
 * wish: a volume for which there is none goes without.
 */
import type { VolumeDemand } from '@keelson/shared/model'
import type { StateView } from '../state/index.ts'
import type { Subject } from './contract.ts'
import { compileTieBreaker, seedOf, shortLabel, type TieBreakerRequest } from './rules/index.ts'
import { type FleetView, fleetView } from './view/index.ts'

/** A tie-breaker as placement tells of it. */
export interface TieBreaker {
  /** Host; empty for none. */
  readonly node: string
  /** What reports say of it; empty if none was wanted. */
  readonly remark: string
}

/** Chooses tie-breakers one after the other: each counts for those that come after it. */
export interface TieBreakers {
  /** One beside replicas on these host rows. Raises what `compileTieBreaker` raises. */
  choose(demand: VolumeDemand, seed: number, hosts: readonly number[]): TieBreaker
}

const UNWANTED: TieBreaker = { node: '', remark: '' }
const MISSING: TieBreaker = { node: '', remark: 'no tie-breaker: no other node can hold one' }

/** Chooses in a view. */
export function createTieBreakers(view: FleetView): TieBreakers {
  const chosen = new Map<string, number>()
  return {
    choose(demand, seed, hosts) {
      const request = compileTieBreaker(view, demand)
      if (!request) return UNWANTED
      const host = bestHost(view, request, seed, hosts, chosen)
      if (host < 0) return MISSING
      const node = view.fleet.hosts[host]!.name
      chosen.set(node, (chosen.get(node) ?? 0) + 1)
      return { node, remark: remarkOf(view, request, hosts, host) }
    },
  }
}

/**
 * Host of a tie-breaker beside replicas on these hosts; empty if none is wanted or there is none.
 * Raises what `compileTieBreaker` raises.
 */
export function placeTieBreaker(
  state: StateView,
  { uid }: Pick<Subject, 'uid'>,
  demand: VolumeDemand,
  nodes: readonly string[],
): string {
  const view = fleetView(state)
  const hosts = nodes.map((node) => view.fleet.hostRow(node))
  return createTieBreakers(view).choose(demand, seedOf(uid), hosts).node
}

/** What speaks against a host, the weightiest first: the least by all of them is chosen. */
type Flaws = readonly [domains: number, disliked: number, volumes: number]

/** Hosts without a flaw among which the one with the fewest volumes is chosen. */
const ENOUGH = 64

/** The best of the hosts that may vote, from the row of the seed on; -1 if there is none. */
function bestHost(
  { fleet, state }: FleetView,
  request: TieBreakerRequest,
  seed: number,
  hosts: readonly number[],
  chosen: ReadonlyMap<string, number>,
): number {
  const { hostCount } = fleet
  const { dislikes, mask, spread } = request
  let best = -1
  let least: Flaws | undefined
  let flawless = 0
  for (let step = 0; step < hostCount && flawless < ENOUGH; step++) {
    const host = (seed + step) % hostCount
    if (mask.open[host] === 0 || hosts.includes(host)) continue
    if (takesMajority(request, hosts, host)) continue
    const domains = spread.reduce((sum, rule) => sum + crowding(rule, hosts, host), 0)
    if (least && domains > least[0]) continue
    const disliked = dislikes(host) ? 1 : 0
    if (domains + disliked === 0) flawless++
    const { name } = fleet.hosts[host]!
    const volumes = state.hosts.volumesOn(name).size + (chosen.get(name) ?? 0)
    const flaws: Flaws = [domains, disliked, volumes]
    if (least && !isLess(flaws, least)) continue
    best = host
    least = flaws
  }
  return best
}

/**
 * Whether the loss of a guarded domain would stop a volume only because of this tie-breaker. Two
 * replicas alone have no majority to lose: the one that is left goes on.
 */
function takesMajority(
  { guarded }: TieBreakerRequest,
  hosts: readonly number[],
  host: number,
): boolean {
  if (hosts.length > 2) return false
  return guarded.some(
    (domains) => domains[host]! >= 0 && countIn(domains, hosts, host) * 2 === hosts.length,
  )
}

/** How many of the hosts share the domain of `host`. */
function countIn(domains: Int32Array, hosts: readonly number[], host: number): number {
  let count = 0
  for (const other of hosts) if (domains[other] === domains[host]) count++
  return count
}

function isLess(a: Flaws, b: Flaws): boolean {
  const first = a.findIndex((flaw, index) => flaw !== b[index])
  return first >= 0 && a[first]! < b[first]!
}

type Spread = TieBreakerRequest['spread'][number]

/**
 * Replicas in the same domain; for replicas that have to be together, those in others: a
 * tie-breaker away from all of them could only be lost besides. A host whose domain nobody knows
 * comes after those whose domain is known.
 */
function crowding({ domains, mode }: Spread, hosts: readonly number[], host: number): number {
  const inside = countIn(domains, hosts, host)
  const crowd = mode === 'Same' ? hosts.length - inside : inside
  return crowd + (domains[host]! < 0 ? 0.5 : 0)
}

function remarkOf(
  { fleet }: FleetView,
  { spread }: TieBreakerRequest,
  hosts: readonly number[],
  host: number,
): string {
  const { labels, name } = fleet.hosts[host]!
  const risky = spread.find(({ domains, mode }) => {
    const lost = countIn(domains, hosts, host) + 1
    return mode !== 'Same' && domains[host]! >= 0 && 2 * lost > hosts.length
  })
  const alone = `tie-breaker on ${name}`
  if (!risky) return alone
  const short = shortLabel(risky.label)
  const value = labels[risky.label]
  const domain = value === undefined ? `the nodes without a ${short}` : `${short} ${value}`
  return `${alone}, though the loss of ${domain} would take the majority`
}
