/** `keelson vm`: create, find, follow, change, start, stop, move, delete. */
import type { VerbGroup } from '../../verb/index.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { list } from './list.ts'
import { move } from './move.ts'
import { start, stop } from './run-policy.ts'
import { show } from './show.ts'
import { update } from './update.ts'
import { watch } from './watch.ts'

export { vmKind } from './kind.ts'

/** The noun. */
export const vm: VerbGroup = {
  name: 'vm',
  summary: 'virtual machines, placed with their volumes',
  verbs: [create, list, show, watch, update, start, stop, move, remove],
}
