/** How a view follows its state: one record at a time. */
import type { Node, VirtualMachine } from '@keelson/shared/model'
import type { Change } from '../../state/index.ts'
import { poolId } from '../../state/index.ts'
import type { Fleet, PlacedMachine } from '../fleet/index.ts'
import { effectivePolicy } from '../policy/index.ts'
import { readHostFacts } from './host-facts.ts'
import { createRowChanges, type RowChanges } from './masks.ts'
import { promisableBytes } from './pool-space.ts'
import { amountsOf, reservationFor } from './reservation.ts'
import { hostOfSection, type Structure } from './structure.ts'

/** What is kept for a view. */
export interface Kept extends Structure {
  readonly nodes: (Node | undefined)[]
  readonly hostChanges: RowChanges
  readonly poolChanges: RowChanges
  /** Pool rows of every snapshot. */
  readonly snapshotPools: Map<string, readonly number[]>
  readonly tainted: Set<number>
  readonly bound: Set<string>
}

/** Takes in every record of the state. */
export function takeEverything(structure: Structure): Kept {
  const { hostNames, pools, state } = structure
  const kept: Kept = {
    ...structure,
    nodes: hostNames.map((name) => state.nodes.get(name)),
    hostChanges: createRowChanges(),
    poolChanges: createRowChanges(),
    snapshotPools: new Map(),
    tainted: new Set(),
    bound: new Set(),
  }
  for (let row = 0; row < hostNames.length; row++) takeTaints(kept, row)
  for (const name of state.volumes.sortedIds()) takeVolume(kept, name)
  for (const name of state.snapshots.sortedIds()) takeSnapshot(kept, name)
  for (let row = 0; row < pools.length; row++) takePool(kept, row)
  for (const name of state.virtualMachines.sortedIds()) takeMachine(kept, name)
  return kept
}

/** Takes in one record that changed and left the structure as it is. */
export function take(kept: Kept, { kind, id }: Change): void {
  switch (kind) {
    case 'node':
      return takeNode(kept, id)
    case 'inventory':
      return takeNode(kept, hostOfSection(id))
    case 'pool': {
      const row = kept.poolRows.get(id)!
      kept.poolChanges.note(row)
      return takePool(kept, row)
    }
    case 'volume':
      return takeVolume(kept, id)
    case 'snapshot':
      return takeSnapshot(kept, id)
    case 'virtualMachine':
      return takeMachine(kept, id)
    default:
  }
}

function takeNode(kept: Kept, name: string): void {
  const { facts, fleet, nodes, state } = kept
  const row = fleet.hostRow(name)
  if (row < 0) return
  nodes[row] = state.nodes.get(name)
  facts[row] = readHostFacts(state, name)
  takeTaints(kept, row)
  kept.hostChanges.note(row)
  for (const pool of fleet.poolsOf(row)) kept.poolChanges.note(pool)
}

function takeTaints({ nodes, tainted }: Kept, row: number): void {
  if ((nodes[row]?.spec.taints ?? []).length > 0) tainted.add(row)
  else tainted.delete(row)
}

/** Room such that what is left of it beside the volumes is what may be promised. */
function takePool({ fleet, pools }: Kept, row: number): void {
  const capacityBytes = promisableBytes(pools[row]!) + fleet.poolPromised[row]!
  if (fleet.poolCapacity[row] !== capacityBytes) fleet.setPoolCapacity(row, capacityBytes)
}

function takeVolume(kept: Kept, name: string): void {
  const { bound, fleet, poolRows, state } = kept
  const volume = state.volumes.get(name)
  const before = fleet.volumes.get(name)
  const rules = volume?.spec.rules
  if (rules && rules.affinities.length + rules.groups.length > 0) bound.add(`volume/${name}`)
  else bound.delete(`volume/${name}`)
  if (volume) {
    const pools = volume.status.replicas.flatMap((replica) =>
      replica.role === 'Diskful' ? (poolRows.get(poolId(replica.node, replica.pool)) ?? []) : [],
    )
    const { sizeBytes } = volume.spec
    const pinned = rules?.pinned === true || volume.meta.deletionRequestedAt !== undefined
    fleet.putVolume({ name, sizeBytes, pools, pinned })
  } else fleet.removeVolume(name)
  for (const row of before?.pools ?? []) takePool(kept, row)
  for (const row of fleet.volumes.get(name)?.pools ?? []) takePool(kept, row)
}

function takeSnapshot(kept: Kept, name: string): void {
  const { poolRows, snapshotPools, state } = kept
  const before = snapshotPools.get(name) ?? []
  const replicas = state.snapshots.get(name)?.status.replicas ?? []
  const rows = replicas.flatMap(({ node, pool }) => poolRows.get(poolId(node, pool)) ?? [])
  if (rows.length > 0) snapshotPools.set(name, rows)
  else snapshotPools.delete(name)
  for (const row of [...before, ...rows]) takePool(kept, row)
}

/** Name in the fleet of the room a migrating machine has on the host it goes to. */
function migrationName(machine: string): string {
  return `${machine}/migration`
}

function takeMachine(kept: Kept, name: string): void {
  const { bound, fleet, state } = kept
  const machine = state.virtualMachines.get(name)
  const rules = machine?.spec.rules
  if (rules && rules.affinities.length + rules.groups.length > 0) bound.add(`vm/${name}`)
  else bound.delete(`vm/${name}`)
  put(fleet, name, machine && placedMachine(kept, machine))
  put(fleet, migrationName(name), machine && placedMigration(kept, machine))
}

function put(fleet: Fleet, name: string, placed: PlacedMachine | undefined): void {
  if (placed) fleet.putMachine(placed)
  else if (fleet.machines.has(name)) fleet.removeMachine(name)
}

function placedMachine(kept: Kept, machine: VirtualMachine): PlacedMachine | undefined {
  const { fleet } = kept
  const { meta, spec, status } = machine
  const host = fleet.hostRow(status.node)
  if (host < 0) return undefined
  return {
    name: meta.name,
    host,
    standby: fleet.hostRow(status.standbyNode),
    amounts: amountsTaken(kept, machine, status.reserved),
    volumes: status.disks.map(({ volume }) => volume),
    pinned: spec.rules.pinned || status.targetNode !== '' || status.phase === 'Deleting',
  }
}

/** The room on the host it goes to. It has no volumes of its own and goes nowhere by itself. */
function placedMigration(kept: Kept, machine: VirtualMachine): PlacedMachine | undefined {
  const { meta, status } = machine
  const host = kept.fleet.hostRow(status.targetNode)
  if (host < 0) return undefined
  const amounts = amountsTaken(kept, machine, status.targetReserved ?? status.reserved)
  const name = migrationName(meta.name)
  return { name, host, standby: -1, amounts, volumes: [], pinned: true }
}

function amountsTaken(
  { fleet, state }: Kept,
  { meta, spec }: VirtualMachine,
  reserved: VirtualMachine['status']['reserved'],
): PlacedMachine['amounts'] {
  if (reserved) return amountsOf(fleet, spec.compute, reserved).amounts
  const { cpuOvercommitPercent } = effectivePolicy(state, { tenant: meta.tenant ?? '' })
  const would = reservationFor(spec.compute, cpuOvercommitPercent)
  return amountsOf(fleet, spec.compute, would).amounts
}
