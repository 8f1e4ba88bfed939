/** What the search for moves asks about each machine and volume, read from their records. */
import type { VirtualMachine, Volume } from '@keelson/shared/model'
import type { StateView } from '../../state/index.ts'
import type { Fleet } from '../fleet/index.ts'
import type { MoveRules } from '../rebalance/index.ts'
import {
  type CompiledMachine,
  type CompiledVolume,
  compileMachine,
  compileVolume,
} from '../rules/index.ts'
import { demandOfMachine, demandOfVolume, type FleetView } from '../view/index.ts'

/**
 * The rules of a view. What depends on neighbours is judged as the neighbours are now; a move that
 * breaks such a rule because of an earlier move is found out before it begins, and skipped.
 */
export function moveRules(view: FleetView): MoveRules {
  const { state } = view
  const machines = new Map<string, CompiledMachine>()
  const volumes = new Map<string, CompiledVolume>()

  function machine(name: string): CompiledMachine | undefined {
    const record = state.virtualMachines.get(name)
    const known = machines.get(name)
    if (known || !record) return known
    const compiled = compileMachine(view, record.meta, demandOfMachine(record), [])
    machines.set(name, compiled)
    return compiled
  }
  function volume(name: string): CompiledVolume | undefined {
    const record = state.volumes.get(name)
    const known = volumes.get(name)
    if (known || !record) return known
    const compiled = compileVolume(view, record.meta, demandOfVolume(record))
    volumes.set(name, compiled)
    return compiled
  }

  return {
    machineHosts: (name) => machine(name)?.mask.open,
    volumePools: (name) => volume(name)?.mask.open,
    volumeSpread: (name) => volume(name)?.request.spread ?? [],
    locality: (name) => machine(name)?.request.locality ?? 'Ignored',
    standby: (name) => machine(name)?.request.standby ?? 'None',
    dynamic: () => false,
  }
}

/** A fleet in which everything that cannot move at present is pinned. */
export function pinned({ fleet, state }: FleetView): Fleet {
  const clone = fleet.clone()
  for (const volume of fleet.volumes.values()) {
    const record = state.volumes.get(volume.name)
    if (!volume.pinned && !(record && canMoveVolume(state, record)))
      clone.putVolume({ ...volume, pinned: true })
  }
  for (const machine of fleet.machines.values()) {
    const record = state.virtualMachines.get(machine.name)
    if (!machine.pinned && !(record && canMoveMachine(record)))
      clone.putMachine({ ...machine, pinned: true })
  }
  return clone
}

/** Whether the replicas of a volume may move at all: there are several, and all are well. */
function canMoveVolume(state: StateView, { meta, spec, status }: Volume): boolean {
  const diskful = status.replicas.filter(({ role }) => role === 'Diskful')
  return (
    diskful.length > 1 &&
    status.move === undefined &&
    status.actualSizeBytes === spec.sizeBytes &&
    diskful.every(({ drbdNodeId, phase }) => drbdNodeId !== undefined && phase === 'Ready') &&
    state.hosts.snapshotsOf(meta.name).size === 0
  )
}

function canMoveMachine({ spec, status }: VirtualMachine): boolean {
  return spec.evictionPolicy !== 'Block' && status.phase !== 'Unknown'
}
