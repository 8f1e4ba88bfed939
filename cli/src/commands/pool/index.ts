/** `keelson pool`: create, find, delete. */
import type { VerbGroup } from '../../verb/index.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { list } from './list.ts'
import { show } from './show.ts'

export { poolKind } from './kind.ts'

/** The noun. */
export const pool: VerbGroup = {
  name: 'pool',
  summary: 'storage pools of hosts',
  verbs: [create, list, show, remove],
}
