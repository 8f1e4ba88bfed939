import { RECORD_KINDS, type StateView } from '../state/index.ts'

/**
 * Everything in a state as one text, records and indexes alike: two states with the same text
 * answer every question the same way.
 */
export function fingerprint(state: StateView): string {
  const { hosts } = state
  const sorted = (set: ReadonlySet<string | number>) => [...set].sort()
  const tables = RECORD_KINDS.map((kind) => {
    const table = state.table(kind)
    return [kind, table.sortedIds().map((id) => [id, table.get(id)])]
  })
  const pools = hosts
    .candidates()
    .map(({ pool, node, promisedBytes, replicaCount }) =>
      JSON.stringify([pool, node, promisedBytes, replicaCount]),
    )
    .sort()
  const nodes = state.nodes
    .sortedIds()
    .map((node) => [
      node,
      sorted(hosts.volumesOn(node)),
      sorted(hosts.snapshotsOn(node)),
      sorted(hosts.machinesOn(node)),
      sorted(hosts.poolsOn(node)),
      sorted(hosts.minorsOn(node)),
      sorted(hosts.portsOn(node)),
    ])
  const volumes = state.volumes
    .sortedIds()
    .map((name) => [
      name,
      hosts.volumeByUid(state.volumes.get(name)!.meta.uid),
      sorted(hosts.snapshotsOf(name)),
      sorted(hosts.machinesOf(name)),
      state.runningOperation('VolumeResize', `volume/${name}`)?.meta.name,
      state.runningOperation('SnapshotRestore', `volume/${name}`)?.meta.name,
      state.runningOperation('VolumeMove', `volume/${name}`)?.meta.name,
    ])
  const snapshots = state.snapshots
    .sortedIds()
    .map((name) => [
      hosts.snapshotByUid(state.snapshots.get(name)!.meta.uid),
      state.runningOperation('SnapshotCreate', `snapshot/${name}`)?.meta.name,
    ])
  const numbers = [state.revision, state.lastEventSequence]
  return JSON.stringify([numbers, tables, pools, nodes, volumes, snapshots])
}
