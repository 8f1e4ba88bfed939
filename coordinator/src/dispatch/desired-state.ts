import { assert } from '@keelson/shared/errors'
import {
  type DesiredReplica,
  type DesiredState,
  type Intent,
  isDiskful,
  type Replica,
  type Volume,
  wasMade,
  wasTaken,
} from '@keelson/shared/model'
import { poolId, type StateView } from '../state/index.ts'

/** Everything the host should be, from the state. Pure; looks only at what stands on the host. */
export function deriveDesiredState(state: StateView, node: string): DesiredState {
  const cluster = state.cluster.get('info')
  assert(cluster, 'the cluster has an id before any host')
  const pools = [...state.hosts.poolsOn(node)].sort().map((id) => {
    const pool = state.pools.get(id)!
    const intent: Intent = pool.status.phase === 'Deleting' ? 'Absent' : 'Present'
    const { kind, path } = pool.spec
    return { uid: pool.meta.uid, name: pool.meta.name, kind, path, intent }
  })
  return {
    clusterId: cluster.clusterId,
    node,
    generation: state.generations.get(node)?.generation ?? 0,
    pools,
    replicas: desiredReplicas(state, node),
    snapshots: desiredSnapshots(state, node),
  }
}

function desiredReplicas(state: StateView, node: string): DesiredReplica[] {
  const result: DesiredReplica[] = []
  for (const name of [...state.hosts.volumesOn(node)].sort()) {
    const volume = state.volumes.get(name)!
    const replica = volume.status.replicas.find((candidate) => candidate.node === node)
    if (replica) result.push(desiredReplica(state, volume, replica))
  }
  return result
}

function desiredReplica(state: StateView, volume: Volume, replica: Replica): DesiredReplica {
  const provisioned = wasMade(replica)
  // A replica that joins gets its data from its peers, not from what the volume once began as.
  const begins = isDiskful(replica) && !provisioned && volume.status.move?.toNode !== replica.node
  const source = begins ? state.snapshots.get(volume.spec.sourceSnapshot) : undefined
  return {
    volumeUid: volume.meta.uid,
    volume: volume.meta.name,
    poolUid: state.pools.get(poolId(replica.node, replica.pool))?.meta.uid ?? '',
    role: replica.role,
    sizeBytes: volume.spec.sizeBytes,
    sourceSnapshotUid: source?.meta.uid ?? '',
    intent: replica.phase === 'Deleting' ? 'Absent' : 'Present',
    provisioned,
    ...(replica.drbdNodeId !== undefined && { drbdNodeId: replica.drbdNodeId }),
    ...(replica.drbdMinor !== undefined && { drbdMinor: replica.drbdMinor }),
    ...(replica.drbdPort !== undefined && { drbdPort: replica.drbdPort }),
  }
}

function desiredSnapshots(state: StateView, node: string): DesiredState['snapshots'] {
  return [...state.hosts.snapshotsOn(node)].sort().flatMap((name) => {
    const snapshot = state.snapshots.get(name)!
    const replica = snapshot.status.replicas.find((candidate) => candidate.node === node)
    const volume = state.volumes.get(snapshot.spec.volume)
    if (!replica || !volume) return []
    return {
      uid: snapshot.meta.uid,
      name,
      volumeUid: volume.meta.uid,
      poolUid: state.pools.get(poolId(node, replica.pool))?.meta.uid ?? '',
      intent: (replica.phase === 'Deleting' ? 'Absent' : 'Present') satisfies Intent,
      provisioned: wasTaken(replica),
    }
  })
}
