/** `keelson cluster token`: who may use the cluster. */
import type { VerbGroup } from '../../../verb/index.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { list } from './list.ts'

/** The group. */
export const token: VerbGroup = {
  name: 'token',
  summary: 'tokens of users: create, list, delete',
  verbs: [create, list, remove],
}
