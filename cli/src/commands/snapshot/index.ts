/** `keelson snapshot`: take, find, restore, delete. */
import type { VerbGroup } from '../../verb/index.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { list } from './list.ts'
import { restore } from './restore.ts'
import { show } from './show.ts'

/** The noun. */
export const snapshot: VerbGroup = {
  name: 'snapshot',
  summary: 'points in time of volumes',
  verbs: [create, list, show, restore, remove],
}
