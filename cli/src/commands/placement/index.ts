/** `keelson placement`: explain, count, simulate, prove, and the policies behind it all. */
import type { VerbGroup } from '../../verb/index.ts'
import { capacity } from './capacity.ts'
import { explain } from './explain.ts'
import { policy } from './policy/index.ts'
import { rebalance } from './rebalance/index.ts'
import { verify } from './verify.ts'
import { whatIf } from './what-if.ts'

/** The noun. */
export const placement: VerbGroup = {
  name: 'placement',
  summary: 'where things go and why, what fits, what survives',
  verbs: [explain, capacity, whatIf, verify, rebalance, policy],
}
