/** Steps of a rebalancing: what one instance does, and what the cluster is after each. */
import { KeelsonError } from '@keelson/shared/errors'
import type { GanetiCluster, GanetiInstance } from './ganeti.ts'
import { withInstances } from './ledger.ts'

/** Ganeti's notation: primary and secondary swap roles, or the mirror moves to another node. */
export type Move = 'f' | `r:${string}`

/** Moves of one instance, one after the other. */
export interface Step {
  readonly instance: string
  readonly moves: readonly Move[]
}

/** An instance after a move. */
export function moved(instance: GanetiInstance, move: Move): GanetiInstance {
  return move === 'f'
    ? { ...instance, primary: instance.secondary, secondary: instance.primary }
    : { ...instance, secondary: move.slice(2) }
}

/** The cluster after each move of each step. Raises INVALID_ARGUMENT for an unknown instance. */
export function statesOf(cluster: GanetiCluster, steps: readonly Step[]): GanetiCluster[][] {
  const rows = new Map(cluster.instances.map(({ name }, row) => [name, row] as const))
  let instances = cluster.instances
  return steps.map(({ instance, moves }) => {
    const row = rows.get(instance)
    if (row === undefined)
      throw new KeelsonError('INVALID_ARGUMENT', `a step moves ${instance}, which is not there`)
    return moves.map((move) => {
      instances = instances.with(row, moved(instances[row]!, move))
      return withInstances(cluster, instances)
    })
  })
}

/** The cluster after each step. */
export function stepsOf(cluster: GanetiCluster, steps: readonly Step[]): GanetiCluster[] {
  return statesOf(cluster, steps).flatMap((states) => states.slice(-1))
}

/** Disks copied on the way, whether or not they are copied again later. */
export function copiedGibOf(cluster: GanetiCluster, steps: readonly Step[]): number[] {
  const diskMib = new Map(cluster.instances.map((one) => [one.name, one.diskMib] as const))
  let gib = 0
  return steps.map(({ instance, moves }) => {
    const copies = moves.filter((move) => move !== 'f').length
    gib += (copies * (diskMib.get(instance) ?? 0)) / 1024
    return gib
  })
}

/** How many times roles are swapped. */
export function swapsOf(steps: readonly Step[]): number {
  return steps.flatMap(({ moves }) => moves).filter((move) => move === 'f').length
}
