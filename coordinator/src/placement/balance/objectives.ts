import { KeelsonError } from '@keelson/shared/errors'
import type { RebalanceObjective } from '@keelson/shared/model'
import type { Fleet } from '../fleet/index.ts'
import { capacityObjective, type Objective, SPREAD } from '../rebalance/index.ts'
import type { FleetView } from '../view/index.ts'

/**
 * What an objective means for this cluster. Hosts that take nothing new do not count. Raises
 * FAILED_PRECONDITION for what nobody measures.
 */
export function objectiveOf(view: FleetView, objective: RebalanceObjective): Objective {
  const excluded = Uint8Array.from(view.nodes, (node) =>
    node?.status.phase === 'Online' && node.spec.schedulable ? 0 : 1,
  )
  switch (objective) {
    case 'Spread':
      return { ...SPREAD, excluded }
    case 'Capacity':
      return { ...capacityObjective(usualNeeds(view.fleet)), excluded }
    case 'Load':
      throw unmeasured('the load of machines is not measured: nothing runs them yet')
    case 'Wear':
      throw unmeasured('the wear of disks is not known: no agent reads it yet')
  }
}

function unmeasured(message: string): KeelsonError {
  return new KeelsonError('FAILED_PRECONDITION', message, {
    details: ['the objectives spread and capacity need no measurements'],
  })
}

/** What one more of the usual sort needs: the mean machine, or the mean volume if there is none. */
function usualNeeds(fleet: Fleet): Parameters<typeof capacityObjective>[0] {
  const { machines, volumes } = fleet
  const bytes = [...volumes.values()].reduce((sum, volume) => sum + volume.sizeBytes, 0)
  if (machines.size === 0) return { amounts: {}, storageBytes: bytes / Math.max(1, volumes.size) }
  const mean = (column: number) => {
    const { used } = fleet.columns[column]!
    return used.reduce((sum, amount) => sum + amount, 0) / machines.size
  }
  return {
    amounts: { memory: mean(0), cpu: mean(1) },
    storageBytes: bytes / machines.size,
  }
}
