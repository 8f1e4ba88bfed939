/** Which places a unit may have, as far as that does not depend on how full anything is. */
import type { DomainRule, Fleet } from '../fleet/index.ts'
import type { MoveRules, Place, Unit } from './units.ts'

/** Where the machine of a unit runs and has its standby. */
export interface Seat {
  readonly host: number
  readonly standby: number
}

/** The reach of units. Masks that depend on others are read from the fleet it was made with. */
export interface Reach {
  /** Whether anything of a unit may move at all. */
  movable(unit: Unit): boolean
  /** Hosts with a replica. */
  sources(place: Place): readonly number[]
  /** Whether there is a replica on a host. */
  stands(place: Place, host: number): boolean
  /**
   * The replicas with those on `from` moved to `to`: all volumes of a machine whose volumes belong
   * together, otherwise only the volume given. Undefined if a rule is against it.
   */
  switched(unit: Unit, pools: Place['pools'], move: Switch): Place['pools'] | undefined
  /** Whether the replicas of a volume may go from some pools to others in one step. */
  allows(unit: Unit, volume: number, before: readonly number[], after: readonly number[]): boolean
  /** Seats the machine may have with its replicas in `pools`, when it is at `place` now. */
  seats(unit: Unit, place: Place, pools: Place['pools']): readonly Seat[]
}

/** Replicas that leave a host for another. */
export interface Switch {
  readonly from: number
  readonly to: number
  /** Only this volume; -1 moves all that have a replica on `from`. */
  readonly volume: number
}

/** What reach needs to know. */
export interface ReachOptions {
  /** The fleet as it is at any time. */
  readonly fleet: Fleet
  readonly rules: MoveRules
  readonly units: readonly Unit[]
  /** Where each unit is at any time. */
  readonly places: readonly Place[]
  /** 1 for hosts that take part; undefined: all. */
  readonly hosts: Uint8Array | undefined
  /** Promised part of the capacity of a pool. */
  readonly fullness: (pool: number) => number
}

const NO_SEAT: readonly Seat[] = [{ host: -1, standby: -1 }]

/** The reach of the units of a fleet. */
export function createReach(options: ReachOptions): Reach {
  const { fleet, fullness, hosts, places, rules, units } = options
  const { hostCount, lossDomains, poolHost } = fleet
  const everyHost = Array.from({ length: hostCount }, (_, host) => host)
  const machineMasks = new Map<string, Uint8Array | undefined>()
  const poolMasks = new Map<string, Uint8Array | undefined>()

  function machineMask({ dynamic, machine }: Unit): Uint8Array | undefined {
    const { name } = machine!
    if (dynamic || !machineMasks.has(name)) machineMasks.set(name, rules.machineHosts(name, fleet))
    return machineMasks.get(name)
  }
  function poolMask(unit: Unit, volume: number): Uint8Array | undefined {
    const { dynamic, name } = unit.volumes[volume]!
    if (dynamic || !poolMasks.has(name)) poolMasks.set(name, rules.volumePools(name, fleet))
    return poolMasks.get(name)
  }
  const takesPart = (host: number) => !hosts || hosts[host] === 1

  function poolsFor(unit: Unit, volume: number, host: number): readonly number[] {
    const mask = poolMask(unit, volume)
    return fleet.poolsOf(host).filter((pool) => !mask || mask[pool] === 1)
  }

  /** Hosts with a replica of every volume of the machine. */
  function completeHosts(unit: Unit, pools: Place['pools']): readonly number[] {
    const all = [...pools, ...unit.shared.map((row) => places[row]!.pools[0]!)]
    const [first, ...others] = all
    if (!first) return everyHost
    return first
      .map((pool) => poolHost[pool]!)
      .filter((host) => others.every((rows) => rows.some((pool) => poolHost[pool] === host)))
  }

  function seats(unit: Unit, place: Place, pools: Place['pools']): readonly Seat[] {
    if (!unit.machine) return usersStay(unit, pools) ? NO_SEAT : []
    const complete = completeHosts(unit, pools)
    const mask = machineMask(unit)
    const allowed = (host: number) => takesPart(host) && (!mask || mask[host] === 1)
    const still = pools === place.pools
    const found: Seat[] = []
    for (const host of hostsFor(unit, place, complete, still)) {
      if (host !== place.host && !allowed(host)) continue
      for (const standby of standbysFor(
        unit,
        place,
        complete,
        still && host === place.host,
        host,
      )) {
        const apart = standby < 0 || lossDomains[standby] !== lossDomains[host]
        if (apart && (standby < 0 || standby === place.standby || allowed(standby))) {
          found.push({ host, standby })
        }
      }
    }
    return found
  }

  function hostsFor(
    { locality, machine }: Unit,
    { host }: Place,
    complete: readonly number[],
    still: boolean,
  ): readonly number[] {
    if (machine!.pinned || !takesPart(host)) {
      return locality !== 'Required' || complete.includes(host) || still ? [host] : []
    }
    if (locality === 'Required') return complete
    if (locality === 'Ignored') return still ? everyHost : [host]
    return complete.includes(host) ? complete : [...complete, host]
  }

  function standbysFor(
    { standbyMode }: Unit,
    place: Place,
    complete: readonly number[],
    still: boolean,
    host: number,
  ): readonly number[] {
    if (standbyMode === 'None') return [-1]
    if (place.standby < 0) return [-1, ...(standbyMode === 'Replica' ? complete : everyHost)]
    if (standbyMode === 'Replica') return complete
    if (still) return everyHost
    return lossDomains[place.standby] === lossDomains[host] ? [place.host] : [place.standby]
  }

  /** Machines that share a volume need it where they are. */
  function usersStay({ users }: Unit, pools: Place['pools']): boolean {
    const has = (host: number) => pools[0]!.some((pool) => poolHost[pool] === host)
    return users.every((row) => {
      const { locality, standbyMode } = units[row]!
      const { host, standby } = places[row]!
      if (locality === 'Required' && !has(host)) return false
      return standbyMode !== 'Replica' || standby < 0 || has(standby)
    })
  }

  function sources({ pools }: Place): readonly number[] {
    const found: number[] = []
    for (const rows of pools) {
      for (const pool of rows) {
        const host = poolHost[pool]!
        if (!found.includes(host)) found.push(host)
      }
    }
    return found
  }

  function switched(unit: Unit, pools: Place['pools'], { from, to, volume }: Switch) {
    if (from === to || !takesPart(from) || !takesPart(to)) return undefined
    const after = [...pools]
    for (let v = 0; v < pools.length; v++) {
      if (volume >= 0 && v !== volume) continue
      const rows = pools[v]!
      const index = rows.findIndex((pool) => poolHost[pool] === from)
      if (index < 0) continue
      const pool = emptiest(poolsFor(unit, v, to))
      if (pool < 0) return undefined
      after[v] = rows.with(index, pool)
      if (!allows(unit, v, rows, after[v]!)) return undefined
    }
    return after
  }
  function emptiest(pools: readonly number[]): number {
    let best = -1
    for (const pool of pools) if (best < 0 || fullness(pool) < fullness(best)) best = pool
    return best
  }
  function allows(
    unit: Unit,
    volume: number,
    before: readonly number[],
    after: readonly number[],
  ): boolean {
    const { pinned, spread } = unit.volumes[volume]!
    if (pinned) return false
    const mask = poolMask(unit, volume)
    for (const [index, pool] of after.entries()) {
      if (mask && mask[pool] !== 1 && !before.includes(pool)) return false
      for (let other = 0; other < index; other++) {
        if (poolHost[after[other]!] === poolHost[pool]) return false
      }
    }
    return spread.every((rule) => broken(rule, after) <= broken(rule, before))
  }
  /** Replicas that are where the rule does not want them. */
  function broken({ domains, maximumPerDomain, mode }: DomainRule, pools: readonly number[]) {
    const replicas = new Map<number, number>()
    for (const pool of pools) {
      const domain = domains[poolHost[pool]!]!
      replicas.set(domain, (replicas.get(domain) ?? 0) + 1)
    }
    const unknown = replicas.get(-1) ?? 0
    replicas.delete(-1)
    const sums = [...replicas.values()]
    if (mode === 'Same') return unknown + Math.max(0, sums.length - 1)
    return sums.reduce((many, sum) => many + Math.max(0, sum - maximumPerDomain), unknown)
  }

  return {
    movable: ({ machine, volumes }) =>
      volumes.some(({ pinned }) => !pinned) || (machine !== undefined && !machine.pinned),
    allows,
    sources,
    stands: ({ pools }, host) => pools.some((rows) => rows.some((pool) => poolHost[pool] === host)),
    switched,
    seats,
  }
}
