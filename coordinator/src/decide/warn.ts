/** Guarantees that only warn let everything through, and it is told what that costs. */
import type { PlacementReport } from '@keelson/shared/model'
import type { Draft } from './draft.ts'

/** Tells warnings as an event and in the report, which comes back; nothing if there are none. */
export function tellWarnings(
  draft: Draft,
  subject: string,
  report: PlacementReport,
  warnings: readonly string[],
): PlacementReport {
  if (warnings.length === 0) return report
  const message = `a guarantee no longer holds: ${warnings.join('; ')}`
  draft.event('Warning', 'GuaranteeWarning', subject, message)
  return { ...report, summary: `${report.summary}; ${message}` }
}
