/** `keelson node`: find, look into, label, taint, take out of scheduling, forget. */
import type { VerbGroup } from '../../verb/index.ts'
import { cordon, uncordon } from './cordon.ts'
import { remove } from './delete.ts'
import { hardware } from './hardware.ts'
import { label } from './label.ts'
import { list } from './list.ts'
import { show } from './show.ts'
import { taint } from './taint.ts'

/** The noun. */
export const node: VerbGroup = {
  name: 'node',
  summary: 'hosts: liveness, hardware, labels, scheduling',
  verbs: [list, show, hardware, label, taint, cordon, uncordon, remove],
}
