/** Names of what is there, from one page of a listing: nobody reads more than that. */
import {
  ClusterServiceService,
  NodeServiceService,
  type ObjectMeta,
  OperationServiceService,
  SnapshotServiceService,
  StorageClassServiceService,
  StoragePoolServiceService,
  VirtualMachineServiceService,
  VolumeServiceService,
} from '@keelson/shared/api'
import type { Client } from '../client/index.ts'
import type { NamedKind } from '../verb/index.ts'
import type { Candidate } from './command-line.ts'

/** Names of a kind, with a few that do not begin with `current` at worst. */
export async function namesOf(
  kind: NamedKind,
  current: string,
  client: Pick<Client, 'call'>,
): Promise<readonly Candidate[]> {
  const page = { labelSelector: '', nameFilter: current, pageSize: 1_000, pageToken: '' }
  switch (kind) {
    case 'node':
      return named((await client.call(NodeServiceService.listNodes, page)).nodes)
    case 'class': {
      const { listStorageClasses } = StorageClassServiceService
      return named((await client.call(listStorageClasses, page)).storageClasses)
    }
    case 'pool': {
      const { listStoragePools } = StoragePoolServiceService
      const { storagePools } = await client.call(listStoragePools, { ...page, node: '' })
      // Pools of one name on many hosts are one choice.
      return [...new Map(named(storagePools).map((each) => [each.word, each])).values()]
    }
    case 'volume':
      return named(
        (await client.call(VolumeServiceService.listVolumes, { ...page, node: '' })).volumes,
      )
    case 'vm': {
      const { listVirtualMachines } = VirtualMachineServiceService
      const request = { ...page, tenant: '', node: '' }
      return named((await client.call(listVirtualMachines, request)).virtualMachines)
    }
    case 'snapshot': {
      const { listSnapshots } = SnapshotServiceService
      return named((await client.call(listSnapshots, { ...page, volume: '' })).snapshots)
    }
    case 'operation': {
      const { listOperations } = OperationServiceService
      const { operations } = await client.call(listOperations, { ...page, subject: '' })
      return operations.map(({ meta, subject }) => ({ word: meta?.name ?? '', summary: subject }))
    }
    case 'user-token': {
      const { userTokens } = await client.call(ClusterServiceService.listUserTokens, {})
      return userTokens.map(({ id, user }) => ({ word: id, summary: user }))
    }
    case 'join-token': {
      const { joinTokens } = await client.call(ClusterServiceService.listJoinTokens, {})
      return joinTokens.map(({ id, node }) => ({ word: id, summary: node }))
    }
  }
}

function named(items: readonly { readonly meta?: ObjectMeta | undefined }[]): Candidate[] {
  return items.map(({ meta }) => ({ word: meta?.name ?? '', summary: '' }))
}
