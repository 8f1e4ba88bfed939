import { KeelsonError } from '../errors/index.ts'

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/

/**
 * Checks a name: a DNS label (RFC 1123) of at most `maxLength` characters.
 * Raises INVALID_ARGUMENT that names the rule.
 */
export function checkName(kind: string, name: string, maxLength = 63): string {
  const shown = name.length > 80 ? `${name.slice(0, 80)}…` : name
  if (name === '') throw new KeelsonError('INVALID_ARGUMENT', `${kind} name is empty`)
  if (name.length > maxLength)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `${kind} name "${shown}" has ${name.length} characters, at most ${maxLength} are allowed`,
    )
  if (!DNS_LABEL.test(name))
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `${kind} name "${shown}" is not a DNS label (a-z, 0-9 and '-', no '-' at either end)`,
    )
  return name
}
