/** `keelson cluster`: health, verification, backups, who may come in. */
import type { VerbGroup } from '../../verb/index.ts'
import { backup } from './backup.ts'
import { joinToken } from './join-token/index.ts'
import { restore } from './restore.ts'
import { status } from './status.ts'
import { token } from './token/index.ts'
import { verify } from './verify.ts'

/** The noun. */
export const cluster: VerbGroup = {
  name: 'cluster',
  summary: 'health, verification, backups, tokens',
  verbs: [status, verify, backup, restore, token, joinToken],
}
