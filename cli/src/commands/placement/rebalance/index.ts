/** `keelson placement rebalance`: plan moves, carry them out, look, pause, resume. */
import type { VerbGroup } from '../../../verb/index.ts'
import { apply } from './apply.ts'
import { pause, resume } from './pause.ts'
import { plan } from './plan.ts'
import { show } from './show.ts'

/** The group. */
export const rebalance: VerbGroup = {
  name: 'rebalance',
  summary: 'moves that make the cluster better: plan, apply, show, pause, resume',
  verbs: [plan, apply, show, pause, resume],
}
