/** `keelson cluster join-token`: which hosts may join. */
import type { VerbGroup } from '../../../verb/index.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { list } from './list.ts'

/** The group. */
export const joinToken: VerbGroup = {
  name: 'join-token',
  summary: 'tokens that hosts join with: create, list, delete',
  verbs: [create, list, remove],
}
