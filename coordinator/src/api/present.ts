/** Records as callers see them: with the sums and the presence that are derived, never stored. */
import { watchTypeCodec } from '@keelson/shared/codec'
import type { Node, StoragePool, VirtualMachine } from '@keelson/shared/model'
import type { Presence } from '../dispatch/index.ts'
import { poolId, type StateView } from '../state/index.ts'
import type { WatchStep } from './listing.ts'

/** A host with its generations, last heartbeat and the size of its pools. */
export function presentNode(state: StateView, node: Node, presence: Presence | undefined): Node {
  const { name } = node.meta
  let storageBytes = 0
  for (const id of state.hosts.poolsOn(name))
    storageBytes += state.pools.get(id)?.status.totalBytes ?? 0
  return {
    ...node,
    status: {
      ...node.status,
      desiredGeneration: state.generations.get(name)?.generation ?? 0,
      appliedGeneration: presence?.appliedGeneration ?? 0,
      ...(presence && { lastSeenAt: presence.lastSeenAt }),
      ...(node.status.capacity && { capacity: { ...node.status.capacity, storageBytes } }),
    },
  }
}

/** A pool with what is promised in it. */
export function presentPool(state: StateView, pool: StoragePool): StoragePool {
  const sums = state.hosts.candidate(poolId(pool.spec.node, pool.meta.name))
  return {
    ...pool,
    status: {
      ...pool.status,
      promisedBytes: sums?.promisedBytes ?? 0,
      replicaCount: sums?.replicaCount ?? 0,
    },
  }
}

/** A machine with how its disks fare on its host. */
export function presentMachine(state: StateView, machine: VirtualMachine): VirtualMachine {
  const { disks, node } = machine.status
  const shown = disks.map((disk) => {
    const volume = state.volumes.get(disk.volume)?.status
    const local = volume?.replicas.some(
      (replica) => replica.node === node && replica.role === 'Diskful' && replica.phase === 'Ready',
    )
    const message = volume?.phase === 'Ready' ? '' : `the volume is ${volume?.phase ?? 'gone'}`
    return { ...disk, local: local === true, message }
  })
  return { ...machine, status: { ...machine.status, disks: shown } }
}

/** The fields every watch response shares. */
export function presentStep(step: WatchStep<unknown>) {
  return {
    type: watchTypeCodec.write(step.type),
    resourceVersion: BigInt(step.resourceVersion),
  }
}
