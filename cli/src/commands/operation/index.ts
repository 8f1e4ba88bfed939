/** `keelson operation`: find, follow, cancel. */
import type { VerbGroup } from '../../verb/index.ts'
import { cancel } from './cancel.ts'
import { list } from './list.ts'
import { show } from './show.ts'
import { watch } from './watch.ts'

export { waitForOperation } from './wait.ts'

/** The noun. */
export const operation: VerbGroup = {
  name: 'operation',
  summary: 'work under way, and what became of it',
  verbs: [list, show, watch, cancel],
}
