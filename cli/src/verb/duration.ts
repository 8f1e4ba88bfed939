/** Durations as people write them. */
import { usageError } from '../errors/index.ts'

const FACTORS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/**
 * Milliseconds of a duration such as "30s", "500ms", "1h30m" or "7d"; a plain number is seconds.
 * Raises INVALID_ARGUMENT for anything else.
 */
export function parseDuration(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text)
    throw usageError(`"${text}" is not a duration; write 30s, 5m, 1h30m or 7d`)
  return parts.reduce((sum, [, n, unit]) => sum + Number(n) * (FACTORS_MS[unit ?? ''] ?? 0), 0)
}
