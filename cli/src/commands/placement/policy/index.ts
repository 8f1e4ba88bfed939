/** `keelson placement policy`: what placement prefers and guarantees, as YAML. */
import type { VerbGroup } from '../../../verb/index.ts'
import { history } from './history.ts'
import { set } from './set.ts'
import { show } from './show.ts'

/** The group. */
export const policy: VerbGroup = {
  name: 'policy',
  summary: 'weights, limits and guarantees of placement: show, set, history',
  verbs: [show, set, history],
}
