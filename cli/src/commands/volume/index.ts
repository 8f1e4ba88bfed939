/** `keelson volume`: create, find, follow, grow, move, delete. */
import type { VerbGroup } from '../../verb/index.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { list } from './list.ts'
import { move } from './move.ts'
import { resize } from './resize.ts'
import { show } from './show.ts'
import { watch } from './watch.ts'

export { volumeKind } from './kind.ts'
export { placementView } from './placement.ts'
export { waitForVolume } from './wait.ts'

/** The noun. */
export const volume: VerbGroup = {
  name: 'volume',
  summary: 'block devices with one or more copies of their data',
  verbs: [create, list, show, watch, resize, move, remove],
}
