/** `keelson class`: create, find, delete. */
import type { VerbGroup } from '../../verb/index.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { list } from './list.ts'
import { show } from './show.ts'

/** The noun. */
export const storageClass: VerbGroup = {
  name: 'class',
  summary: 'storage classes: rules that volumes choose by name',
  verbs: [create, list, show, remove],
}
