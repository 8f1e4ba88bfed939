/** `keelson event`: what happened. */
import type { VerbGroup } from '../../verb/index.ts'
import { list } from './list.ts'

/** The noun. */
export const event: VerbGroup = { name: 'event', summary: 'what happened', verbs: [list] }
