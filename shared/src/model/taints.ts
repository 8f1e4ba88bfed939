/** Taints as people write them: `key=value:NoSchedule` and `key:NoExecute`. */
import { KeelsonError } from '../errors/index.ts'
import { checkLabelKey, checkLabelValue } from './labels.ts'
import type { Taint, TaintEffect, Toleration } from './placement-demand.ts'

const EFFECTS: readonly TaintEffect[] = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

/** Most taints of a host. */
const MOST_TAINTS = 32

/** Checks keys and values, and that none is there twice; raises INVALID_ARGUMENT. */
export function checkTaints(taints: readonly Taint[]): readonly Taint[] {
  if (taints.length > MOST_TAINTS)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `${taints.length} taints, at most ${MOST_TAINTS} are possible`,
    )
  const seen = new Set<string>()
  for (const { effect, key, value } of taints) {
    checkLabelKey(key)
    checkLabelValue(key, value)
    if (seen.has(`${key}:${effect}`))
      throw new KeelsonError('INVALID_ARGUMENT', `taint ${key}:${effect} is there twice`)
    seen.add(`${key}:${effect}`)
  }
  return taints
}

/** `key=value:Effect`, or `key:Effect` for an empty value. */
export function formatTaint({ effect, key, value }: Taint): string {
  return `${key}${value === '' ? '' : `=${value}`}:${effect}`
}

/** The taint of such a text; raises INVALID_ARGUMENT. */
export function parseTaint(text: string): Taint {
  const [, key = '', value = '', word = ''] = /^([^=:]+)(?:=([^:]*))?:(\w+)$/.exec(text) ?? []
  const effect = EFFECTS.find((known) => known === word)
  if (key === '' || !effect)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `"${text}" is not a taint such as key=value:NoSchedule (${EFFECTS.join(', ')})`,
    )
  checkTaints([{ key, value, effect }])
  return { key, value, effect }
}

/**
 * The toleration of a text: a taint for exactly that one, `key` or `key=value` for every effect,
 * `key:Effect` for every value, `*` for everything. Raises INVALID_ARGUMENT.
 */
export function parseToleration(text: string): Toleration {
  if (text === '*') return { key: '' }
  const [, key = '', value, word] = /^([^=:]+)(?:=([^:]*))?(?::(\w+))?$/.exec(text) ?? []
  const effect = EFFECTS.find((known) => known === word)
  if (key === '' || (word !== undefined && !effect))
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `"${text}" is not a toleration such as key, key=value or key=value:NoSchedule`,
    )
  checkLabelKey(key)
  if (value !== undefined) checkLabelValue(key, value)
  return { key, ...(value !== undefined && { value }), ...(effect && { effect }) }
}
