import type { Shortage } from '@keelson/shared/api'
import { type Column, size } from '../../output/index.ts'

/** Columns of what there is too little of. */
export const shortageColumns: readonly Column<Shortage>[] = [
  { title: 'SHORT OF', cell: ({ resource }) => resource.replace(/_(bytes|millis)$/, '') },
  { title: 'MISSING', cell: missingText, right: true },
  { title: 'WHERE', cell: ({ where }) => where || 'cluster' },
]

/** How much is missing, in words of its unit. */
export function missingText({ missing, resource }: Shortage): string {
  if (resource.endsWith('_bytes')) return size(missing)
  return resource.endsWith('_millis') ? `${Number(missing) / 1000} CPUs` : String(missing)
}
