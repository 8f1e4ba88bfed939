/**
 * Costs that are kept from one decision to the next. What is priced alike is priced once: machines
 * of equal amounts, volumes of equal size, masks and preferences. Only hosts that changed are
 * priced again. What the search sees is what pricing everything anew would show.
 */
import type { Fleet, MachineRequest, VolumeRequest } from '../fleet/index.ts'
import type { Costs } from './cost.ts'
import { createFollower, createRecent } from './follow.ts'
import { createShapeKeys } from './keys.ts'
import { createRanking, type Ranking } from './ranking.ts'
import { createVolumeView, type VolumeView } from './replicas.ts'
import { createSpreadRules, type SpreadRules } from './spread.ts'

/** The priced hosts of one shape of request. */
export interface Shape {
  /** Cost of running the machine, by host. */
  readonly machine: Float64Array
  readonly volumes: readonly VolumeView[]
  /** Hosts by the cost of the machine with a replica of every volume. */
  readonly together: Ranking
  /** Hosts by the least cost of keeping room, with a replica of every volume if they need one. */
  readonly standbys: Ranking
  /** Brings it up to date. */
  refresh(): void
}

/** Costs of a machine of certain amounts, by host. */
interface MachinePart {
  readonly running: Float64Array
  /** Of keeping room for it, if its domain brings nothing else. */
  readonly keeping: Float64Array
  refresh(): void
}

/** Costs of a replica of a volume of a certain size, by host. */
interface VolumePart {
  readonly hosts: Ranking
  readonly pools: Int32Array
  refresh(): void
}

function createMachinePart(fleet: Fleet, costs: Costs, request: MachineRequest): MachinePart {
  const running = new Float64Array(fleet.hostCount)
  const { amounts, hosts, standby } = request
  const kept = standby !== 'None'
  const keeping = new Float64Array(kept ? fleet.hostCount : 0)
  function price(host: number): void {
    running[host] = costs.machine(request, host)
    if (kept) keeping[host] = hosts?.[host] === 0 ? Infinity : costs.standby(amounts, host, -1)
  }
  const refresh = createFollower(fleet, price, () => {
    for (let host = 0; host < fleet.hostCount; host++) price(host)
  })
  return { running, keeping, refresh }
}

function createVolumePart(fleet: Fleet, costs: Costs, request: VolumeRequest): VolumePart {
  const hosts = createRanking(fleet.hostCount)
  const pools = new Int32Array(fleet.hostCount)
  const priceOf = (host: number) => priceReplica(fleet, costs, { pools, request }, host)
  const refresh = createFollower(
    fleet,
    (host) => hosts.set(host, priceOf(host)),
    () => hosts.fill(priceOf),
  )
  return { hosts, pools, refresh }
}

/** Cost of the cheapest pool of a host that is not left out, which is noted. */
function priceReplica(
  fleet: Fleet,
  costs: Costs,
  view: Pick<VolumeView, 'pools' | 'request'> & Partial<Pick<VolumeView, 'without'>>,
  host: number,
): number {
  let cheapest = Infinity
  view.pools[host] = -1
  for (const pool of fleet.poolsOf(host)) {
    const cost = view.without?.has(pool) ? Infinity : costs.replica(view.request, pool)
    if (cost >= cheapest) continue
    cheapest = cost
    view.pools[host] = pool
  }
  return cheapest
}

/** The same view with a pool left out. */
export function viewWithout(
  fleet: Fleet,
  costs: Costs,
  view: VolumeView,
  pool: number,
  seed: number,
): VolumeView {
  const host = fleet.poolHost[pool]!
  const other = view.copy(new Set([...(view.without ?? []), pool]))
  other.hosts.set(host, priceReplica(fleet, costs, other, host))
  other.begin(seed)
  return other
}

/** Puts the parts of a shape together. */
function createShape(
  fleet: Fleet,
  request: MachineRequest,
  machine: MachinePart,
  volumes: readonly VolumeView[],
): Shape {
  const { hostCount } = fleet
  const together = createRanking(hostCount)
  const kept = request.standby !== 'None'
  const standbys = createRanking(kept ? hostCount : 0)
  const near = request.standby === 'Replica'
  const replicas = volumes.map(({ hosts }) => hosts.costs)
  const crowded = (host: number) => !holdsAll(fleet, request.volumes, host)

  /** With two volumes or more, a host may have room for each and not for all. */
  function update(ranking: Ranking, terms: readonly Float64Array[], host: number): void {
    let sum = 0
    for (let i = 0; i < terms.length; i++) sum += terms[i]![host]!
    ranking.set(host, terms.length > 2 && crowded(host) ? Infinity : sum)
  }
  function fill(ranking: Ranking, terms: readonly Float64Array[]): void {
    ranking.fillSum(terms)
    if (terms.length < 3) return
    for (let host = 0; host < hostCount; host++) if (crowded(host)) ranking.set(host, Infinity)
  }
  const running = [machine.running, ...replicas]
  const keeping = near ? [machine.keeping, ...replicas] : [machine.keeping]
  const refresh = createFollower(
    fleet,
    (host) => {
      update(together, running, host)
      if (kept) update(standbys, keeping, host)
    },
    () => {
      fill(together, running)
      if (kept) fill(standbys, keeping)
    },
  )
  return { machine: machine.running, volumes, together, standbys, refresh }
}

/** Whether the pools of a host have room for one replica of every volume at once, all in all. */
function holdsAll(fleet: Fleet, volumes: readonly VolumeRequest[], host: number): boolean {
  let free = 0
  for (const pool of fleet.poolsOf(host))
    free += Math.max(0, fleet.poolCapacity[pool]! - fleet.poolPromised[pool]!)
  let wanted = 0
  for (const { sizeBytes } of volumes) wanted += sizeBytes
  return wanted <= free
}

/** The shapes of requests. */
export interface ShapeCache {
  /** The shape of a request, up to date. */
  get(request: MachineRequest): Shape
}

/** Keeps up to `capacity` shapes and twice as many of their parts; none at 0. */
export function createShapeCache(fleet: Fleet, costs: Costs, capacity: number): ShapeCache {
  const keys = createShapeKeys()
  const shapes = createRecent<Shape>(capacity)
  const machines = createRecent<MachinePart>(2 * capacity)
  const volumes = createRecent<VolumePart>(2 * capacity)
  const spreads = createRecent<SpreadRules>(2 * capacity)

  function viewOf(request: VolumeRequest): { view: VolumeView; part: VolumePart } {
    const part = volumes.get(keys.volume(request), () => createVolumePart(fleet, costs, request))
    const spread = spreads.get(keys.spread(request), () =>
      createSpreadRules(request.spread, request.replicas, fleet.hostCount),
    )
    return { part, view: createVolumeView(request, spread, part, costs) }
  }
  function make(request: MachineRequest): Shape {
    const machine = machines.get(keys.machine(request), () =>
      createMachinePart(fleet, costs, request),
    )
    const views = request.volumes.map(viewOf)
    const shape = createShape(
      fleet,
      request,
      machine,
      views.map(({ view }) => view),
    )
    return {
      ...shape,
      refresh() {
        machine.refresh()
        for (const { part } of views) part.refresh()
        shape.refresh()
      },
    }
  }
  return {
    get(request) {
      const shape = shapes.get(keys.whole(request), () => make(request))
      shape.refresh()
      return shape
    },
  }
}
