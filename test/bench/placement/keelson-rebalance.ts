/** Keelson's rebalancing with Ganeti's score as its objective, told in Ganeti's moves. */

import { assert } from '@keelson/shared/errors'
import type { Fleet } from '../../../coordinator/src/placement/fleet/index.ts'
import { CPU, MEMORY } from '../../../coordinator/src/placement/fleet/index.ts'
import {
  type MoveRules,
  type Objective,
  type PlannedMove,
  planRebalance,
  type Term,
} from '../../../coordinator/src/placement/rebalance/index.ts'
import { type GanetiCluster, type GanetiInstance, reservesMemory } from './ganeti.ts'
import { evacuate } from './keelson-evacuate.ts'
import { type Loaded, loadCluster, MIB } from './keelson-fleet.ts'
import { copiedGibOf, type Move, type Step, stepsOf } from './steps.ts'

const SEED = 1

/**
 * Plans moves. Mirrored instances move within their group; those with exclusion tags stay. What is
 * on offline nodes leaves them first, as hbal's score asks for above all.
 */
export function rebalance(
  cluster: GanetiCluster,
  { budgetGib }: { readonly budgetGib?: number },
): Step[] {
  const all = rescueSteps(cluster)
  const copied = copiedGibOf(cluster, all)
  const rescue = all.filter((_, at) => copied[at]! <= (budgetGib ?? Number.POSITIVE_INFINITY))
  const rescued = stepsOf(cluster, rescue).at(-1) ?? cluster
  const spentGib = copiedGibOf(cluster, rescue).at(-1) ?? 0
  const loaded = loadCluster(rescued)
  const { moves } = planRebalance(loaded.fleet, rulesOf(rescued, loaded), {
    objective: ganetiObjective(loaded),
    seed: SEED,
    ...(budgetGib === undefined
      ? {}
      : { budgetBytes: Math.max(0, budgetGib - spentGib) * 2 ** 30 }),
  })
  return [...rescue, ...stepsFrom(loaded.fleet, rescued, moves)]
}

/** Steps that empty offline nodes. */
function rescueSteps(cluster: GanetiCluster): Step[] {
  let now = cluster
  const steps: Step[] = []
  for (const { name: dead, role } of cluster.nodes) {
    if (role !== 'offline') continue
    const added = evacuate(now, dead).flatMap((after, at): Step[] => {
      const before = now.instances[at]!
      if (before.primary === after.primary && before.secondary === after.secondary) return []
      return [{ instance: after.name, moves: movesBetween(before, after, dead) }]
    })
    now = stepsOf(now, added).at(-1) ?? now
    steps.push(...added)
  }
  return steps
}

/** The survivor runs it, its mirror is made anew, and then they may swap. */
function movesBetween(before: GanetiInstance, after: GanetiInstance, dead: string): Move[] {
  const survivor = before.primary === dead ? before.secondary : before.primary
  const first: Move[] = before.primary === dead ? ['f'] : []
  return survivor === after.primary
    ? [...first, `r:${after.secondary}`]
    : [...first, `r:${after.primary}`, 'f']
}

function rulesOf(cluster: GanetiCluster, { fleet, nodes }: Loaded): MoveRules {
  const instances = new Map(cluster.instances.map((one) => [one.name, one] as const))
  const masks = new Map(
    cluster.groups.map(({ uuid }) => [
      uuid,
      Uint8Array.from(nodes, ({ node, online }) =>
        online && !node.exclusiveStorage && node.group === uuid ? 1 : 0,
      ),
    ]),
  )
  const maskOf = (name: string) =>
    masks.get(nodes[fleet.hostRow(instances.get(name)!.primary)]!.node.group)
  return {
    machineHosts: maskOf,
    volumePools: maskOf,
    volumeSpread: () => [],
    locality: () => 'Required',
    standby: (name) => (reservesMemory(instances.get(name)!) ? 'Replica' : 'None'),
    dynamic: () => false,
  }
}

/** The terms of Ganeti's score, weighted as there. */
function ganetiObjective({ fleet, nodes }: Loaded): Objective {
  const row = (value: (index: number) => number) => Float64Array.from(nodes.keys(), value)
  const [memory, cpu] = [fleet.columns[MEMORY]!, fleet.columns[CPU]!]
  const [memoryTotal, diskTotal] = [
    row((at) => nodes[at]!.node.totalMemMib * MIB),
    row((at) => nodes[at]!.node.totalDiskMib * MIB),
  ]
  const machines = countBy(fleet, ({ host }) => [host])
  const places = countBy(fleet, ({ host, standby }) => [host, standby])
  const count = (at: number) => nodes[at]!.primaries + nodes[at]!.secondaries
  const terms: Term[] = [
    {
      measure: { of: 'column', column: 'memory' },
      ...{ weight: 1, kind: 'sd', totals: memoryTotal },
      besides: row((at) => memoryTotal[at]! - nodes[at]!.freeMemMib * MIB - memory.used[at]!),
    },
    {
      measure: { of: 'storage' },
      ...{ weight: 1, kind: 'sd', totals: diskTotal },
      besides: row((at) => diskTotal[at]! - nodes[at]!.freeDiskMib * MIB - fleet.poolPromised[at]!),
    },
    {
      measure: { of: 'column', column: 'cpu' },
      ...{ weight: 1, kind: 'sd' },
      totals: row((at) => nodes[at]!.node.cores * nodes[at]!.node.cpuSpeed * 1000),
      besides: row((at) => nodes[at]!.usedVcpus * 1000 - cpu.used[at]!),
    },
    ...(['sd', 'sum'] as const).map(
      (kind): Term => ({
        measure: { of: 'reserve', column: 'memory' },
        ...{ weight: kind === 'sd' ? 1 : 0.25, kind, totals: memoryTotal },
      }),
    ),
    {
      measure: { of: 'machines' },
      ...{ weight: 3, kind: 'sd', besides: row((at) => nodes[at]!.primaries - machines[at]!) },
    },
    ...[undefined, row((at) => nodes[at]!.spindleLimit)].map(
      (totals): Term => ({
        measure: { of: 'places' },
        ...{ weight: 1, kind: 'sd', besides: row((at) => count(at) - places[at]!) },
        ...(totals === undefined ? {} : { totals }),
      }),
    ),
  ]
  return {
    name: 'ganeti',
    terms,
    excluded: Uint8Array.from(nodes, ({ online }) => (online ? 0 : 1)),
  }
}

function countBy(
  fleet: Fleet,
  rows: (machine: { host: number; standby: number }) => readonly number[],
): Float64Array {
  const counts = new Float64Array(fleet.hostCount)
  for (const machine of fleet.machines.values())
    for (const at of rows(machine)) if (at >= 0) counts[at]! += 1
  return counts
}

/**
 * A volume has the name of its instance, and a pool the row of its node. What an instance does in
 * one go is one step, as hbal counts.
 */
function stepsFrom(fleet: Fleet, cluster: GanetiCluster, moves: readonly PlannedMove[]): Step[] {
  const at = new Map(
    cluster.instances.map(({ name, primary, secondary }) => [name, { primary, secondary }]),
  )
  const steps: { readonly instance: string; readonly moves: Move[] }[] = []
  for (const { kind, subject, fromHost, toHost } of moves) {
    const { primary, secondary } = at.get(subject)!
    const [from, to] = [fleet.hosts[fromHost]?.name, fleet.hosts[toHost]?.name]
    if (kind === 'Standby' || to === undefined) continue
    if (kind === 'Migrate') assert(to === secondary, `${subject} goes to ${to}, which has its data`)
    else assert(from === secondary, `${subject} leaves ${from}, its mirror`)
    const swaps = kind === 'Migrate'
    at.set(subject, swaps ? { primary: to, secondary: primary } : { primary, secondary: to })
    const move: Move = swaps ? 'f' : `r:${to}`
    const last = steps.at(-1)
    if (last?.instance === subject) last.moves.push(move)
    else steps.push({ instance: subject, moves: [move] })
  }
  return steps
}
