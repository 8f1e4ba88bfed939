import { assert } from '@keelson/shared/errors'
import { createChanges, type HostChanges } from './changes.ts'
import type { Amount } from './request.ts'
import { createStandbyBook, type StandbyBook } from './standby.ts'

/** One countable resource of all hosts. */
export interface Column {
  /** "memory" (bytes), "cpu" (millis), "hugepages-2Mi" (bytes), "device/<resource>" (count), … */
  readonly name: string
  /** What each host has for machines, by host row. */
  readonly capacity: Float64Array
  /** What its machines take, by host row. */
  readonly used: Float64Array
  /** Room kept for machines whose failure domain may be lost; undefined if none is kept. */
  readonly standby: StandbyBook | undefined
}

/** A host, described. */
export interface HostInput {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Capacity by column name; columns left out have none. */
  readonly capacity: Readonly<Record<string, number>>
}

/** A storage pool, described. */
export interface PoolInput {
  readonly name: string
  /** Row of its host. */
  readonly host: number
  /** Most bytes it may promise; what is promised already is included. */
  readonly capacityBytes: number
}

/** A machine that has a place. */
export interface PlacedMachine {
  readonly name: string
  readonly host: number
  /** -1 if no room is kept for it. */
  readonly standby: number
  readonly amounts: readonly Amount[]
  /** Names of the volumes it uses. */
  readonly volumes: readonly string[]
  /** It stays where it is. */
  readonly pinned: boolean
}

/** A volume that has a place. */
export interface PlacedVolume {
  readonly name: string
  readonly sizeBytes: number
  /** Pool rows of its diskful replicas; with DRBD numbers in the same order. */
  readonly pools: readonly number[]
  /** It stays where it is. */
  readonly pinned: boolean
}

/** How a fleet is made. */
export interface FleetOptions {
  readonly hosts: readonly HostInput[]
  readonly pools: readonly PoolInput[]
  /** Names of the columns; "memory" and "cpu" always come first. */
  readonly columns?: readonly string[]
  /** Columns in which room is kept for standbys. */
  readonly standbyColumns: readonly string[]
  /** Node label of the failure domain that may be lost; empty means single hosts. */
  readonly lossLabel: string
}

/** Index of the column "memory", which every fleet has. */
export const MEMORY = 0
/** Index of the column "cpu", which every fleet has. */
export const CPU = 1

/**
 * The cluster as rows. Rows keep their number for the life of a fleet. Counting is all it does: it
 * lets anything be put anywhere; whether that is allowed is for whoever chooses.
 */
export interface Fleet {
  readonly hostCount: number
  readonly hosts: readonly HostInput[]
  /** Row of a host; -1 if there is none. */
  hostRow(name: string): number
  readonly columns: readonly Column[]
  /** Index of a column; -1 if there is none. */
  columnRow(name: string): number
  readonly poolCount: number
  readonly pools: readonly PoolInput[]
  /** Host of each pool row. */
  readonly poolHost: Int32Array
  /** Most bytes each pool may promise. */
  readonly poolCapacity: Float64Array
  /** Bytes it has promised. */
  readonly poolPromised: Float64Array
  /** Rows of the pools of a host. */
  poolsOf(host: number): readonly number[]
  /** Domain of each host by a node label, -1 for hosts without it; "" makes every host its own. */
  domainsOf(label: string): Int32Array
  /** Node label of the failure domains that room is kept for; empty for single hosts. */
  readonly lossLabel: string
  /** Domain that each host is lost with; hosts without the label are lost together. */
  readonly lossDomains: Int32Array
  readonly machines: ReadonlyMap<string, PlacedMachine>
  readonly volumes: ReadonlyMap<string, PlacedVolume>
  /** Counts host rows whose numbers changed: equal numbers mean an unchanged row. */
  readonly hostVersion: Uint32Array
  /** The rows that changed, one after another, for whoever keeps something by host. */
  readonly changes: HostChanges
  /** Adds a machine, or replaces the one of that name. */
  putMachine(machine: PlacedMachine): void
  removeMachine(name: string): void
  /** Adds a volume, or replaces the one of that name. */
  putVolume(volume: PlacedVolume): void
  removeVolume(name: string): void
  /** Sets what a host has; used for growth, failures (0) and cordons. */
  setCapacity(host: number, column: number, capacity: number): void
  setPoolCapacity(pool: number, capacityBytes: number): void
  /** A fleet of its own that begins as this one is. */
  clone(): Fleet
}

/** A fleet with these hosts and pools and nothing placed. */
export function createFleet(options: FleetOptions): Fleet {
  const names = ['memory', 'cpu', ...(options.columns ?? [])]
  const hostCount = options.hosts.length
  const columns = names.map(
    (name): Column => ({
      name,
      capacity: Float64Array.from(options.hosts, ({ capacity }) => capacity[name] ?? 0),
      used: new Float64Array(hostCount),
      standby: options.standbyColumns.includes(name) ? createStandbyBook(hostCount) : undefined,
    }),
  )
  return fleetOf({
    options,
    columns,
    poolCapacity: Float64Array.from(options.pools, ({ capacityBytes }) => capacityBytes),
    poolPromised: new Float64Array(options.pools.length),
    machines: new Map(),
    volumes: new Map(),
    hostVersion: new Uint32Array(hostCount),
  })
}

/** Everything that a clone copies. */
interface Contents {
  readonly options: FleetOptions
  readonly columns: readonly Column[]
  readonly poolCapacity: Float64Array
  readonly poolPromised: Float64Array
  readonly machines: Map<string, PlacedMachine>
  readonly volumes: Map<string, PlacedVolume>
  readonly hostVersion: Uint32Array
}

function fleetOf(contents: Contents): Fleet {
  const { options, columns, hostVersion, machines, poolCapacity, poolPromised, volumes } = contents
  const { hosts, pools } = options
  const hostRows = new Map(hosts.map(({ name }, row) => [name, row]))
  const poolHost = Int32Array.from(pools, ({ host }) => host)
  const poolsByHost: number[][] = hosts.map(() => [])
  for (const [row, { host }] of pools.entries()) poolsByHost[host]!.push(row)
  const domains = createDomains(hosts)
  const lossDomains = lossDomainsOf(domains(options.lossLabel))
  const changes = createChanges()

  function touch(host: number): void {
    hostVersion[host]!++
    changes.add(host)
  }
  function countMachine(machine: PlacedMachine, sign: 1 | -1): void {
    const { amounts, host, standby } = machine
    for (const { amount, column } of amounts) {
      const counted = columns[column]
      assert(counted !== undefined, `machine ${machine.name} takes from column ${column}`)
      counted.used[host]! += sign * amount
      if (standby >= 0) counted.standby?.add(standby, lossDomains[host]!, sign * amount)
    }
    touch(host)
    if (standby >= 0) touch(standby)
  }
  function countVolume({ pools: rows, sizeBytes }: PlacedVolume, sign: 1 | -1): void {
    for (const row of rows) {
      poolPromised[row]! += sign * sizeBytes
      touch(poolHost[row]!)
    }
  }

  return {
    hostCount: hosts.length,
    hosts,
    hostRow: (name) => hostRows.get(name) ?? -1,
    columns,
    columnRow: (name) => columns.findIndex((column) => column.name === name),
    poolCount: pools.length,
    pools,
    poolHost,
    poolCapacity,
    poolPromised,
    poolsOf: (host) => poolsByHost[host]!,
    domainsOf: domains,
    lossLabel: options.lossLabel,
    lossDomains,
    machines,
    volumes,
    hostVersion,
    changes,
    putMachine(machine) {
      const before = machines.get(machine.name)
      if (before) countMachine(before, -1)
      countMachine(machine, 1)
      machines.set(machine.name, machine)
    },
    removeMachine(name) {
      const before = machines.get(name)
      if (before) countMachine(before, -1)
      machines.delete(name)
    },
    putVolume(volume) {
      const before = volumes.get(volume.name)
      if (before) countVolume(before, -1)
      countVolume(volume, 1)
      volumes.set(volume.name, volume)
    },
    removeVolume(name) {
      const before = volumes.get(name)
      if (before) countVolume(before, -1)
      volumes.delete(name)
    },
    setCapacity(host, column, capacity) {
      columns[column]!.capacity[host] = capacity
      touch(host)
    },
    setPoolCapacity(pool, capacityBytes) {
      poolCapacity[pool] = capacityBytes
      touch(poolHost[pool]!)
    },
    clone: () =>
      fleetOf({
        options,
        columns: columns.map((column) => ({
          ...column,
          capacity: column.capacity.slice(),
          used: column.used.slice(),
          standby: column.standby?.clone(),
        })),
        poolCapacity: poolCapacity.slice(),
        poolPromised: poolPromised.slice(),
        machines: new Map(machines),
        volumes: new Map(volumes),
        hostVersion: hostVersion.slice(),
      }),
  }
}

/** Numbers the values of a label in the order of hosts, once per label. */
function createDomains(hosts: readonly HostInput[]): (label: string) => Int32Array {
  const known = new Map<string, Int32Array>()
  return (label) => {
    let rows = known.get(label)
    if (rows) return rows
    const numbers = new Map<string, number>()
    rows = Int32Array.from(hosts, ({ labels }, row) => {
      if (label === '') return row
      const value = labels[label]
      if (value === undefined) return -1
      if (!numbers.has(value)) numbers.set(value, numbers.size)
      return numbers.get(value)!
    })
    known.set(label, rows)
    return rows
  }
}

/** Nobody knows what a host without the label is lost with, so such hosts are lost together. */
function lossDomainsOf(domains: Int32Array): Int32Array {
  const unknown = domains.reduce((largest, domain) => Math.max(largest, domain), -1) + 1
  return domains.map((domain) => (domain < 0 ? unknown : domain))
}
