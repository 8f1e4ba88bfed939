/** Enum values of the API as words for people, and the tone that fits them. */
import type { Tone } from './style.ts'

/**
 * The word of an enum value as ts-proto writes it: `word('VOLUME_PHASE_READY', 'VOLUME_PHASE_')` is
 * "Ready". Empty for the unset value; a value newer than this program is shown as it came.
 */
export function word(value: string, prefix: string): string {
  const name = value.startsWith(prefix) ? value.slice(prefix.length) : value
  if (name === 'UNSPECIFIED') return ''
  return name
    .split('_')
    .map((part) => part.slice(0, 1) + part.slice(1).toLowerCase())
    .join('')
}

/** The same for names that are written in capitals everywhere, such as "FILE_THIN". */
export function capitals(value: string, prefix: string): string {
  const name = value.startsWith(prefix) ? value.slice(prefix.length) : value
  return name === 'UNSPECIFIED' ? '' : name
}

const TONES: Readonly<Record<string, Tone>> = {
  Ready: 'good',
  Online: 'good',
  Succeeded: 'good',
  True: 'good',
  Pending: 'warning',
  Running: 'warning',
  Degraded: 'warning',
  Starting: 'warning',
  Stopping: 'warning',
  Migrating: 'warning',
  Deleting: 'warning',
  Unknown: 'warning',
  Cancelled: 'warning',
  Warning: 'warning',
  Failed: 'bad',
  Offline: 'bad',
}

/** The tone of a phase or another such word. */
export function toneOf(phase: string): Tone {
  return TONES[phase] ?? 'plain'
}
