/** `keelson cluster`: health, verification, backups, who may come in. */
import type { VerbGroup } from '../../verb/index.ts'
import { backup } from './backup.ts'
import { joinToken } from './join-token/index.ts'
import { type RestoreCluster, restore } from './restore.ts'
import { status } from './status.ts'
import { token } from './token/index.ts'
import { verify } from './verify.ts'

export type { RestoreCluster, RestoreRequest } from './restore.ts'

/** The noun. */
export function cluster(restoreCluster?: RestoreCluster): VerbGroup {
  return {
    name: 'cluster',
    summary: 'health, verification, backups, tokens',
    verbs: [status, verify, backup, restore(restoreCluster), token, joinToken],
  }
}
