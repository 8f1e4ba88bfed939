/** Flags that many verbs share, and share the meaning of. */
import { negatable, text, toggle, wholeNumber } from './flags.ts'

/** For every verb that changes something. */
export const mutating = {
  dryRun: toggle('only check and say what would happen'),
} as const

/** For verbs whose work the hosts do after the answer. */
export const waiting = {
  wait: negatable('return at once instead of waiting until the hosts have done it'),
} as const

/** For verbs that list. */
export const listing = {
  selector: text('selector', 'only those with matching labels, such as "rack=a,!spare"', {
    short: 'l',
  }),
  match: text('part', 'only those with this in their name'),
  limit: wholeNumber('count', 'at most this many', [1, 1_000_000]),
  all: toggle('all pages (the default, unless --limit is given)'),
} as const
