/** Whose policy: the cluster's, a class's, a tenant's. */
import { type PlacementPolicy, PolicyScope } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { usageError } from '../../../errors/index.ts'
import { type Description, describe, timestamp, type View } from '../../../output/index.ts'
import { text } from '../../../verb/index.ts'
import { shortLabel } from '../label.ts'

/** Flags that say whose; none means the cluster. */
export const scopeFlags = {
  class: text('name', 'the policy of this storage class', { complete: 'class' }),
  tenant: text('name', 'the policy of this tenant'),
} as const

/** Scope and name of these flags. */
export function scopeOf(flags: {
  readonly class: string | undefined
  readonly tenant: string | undefined
}): { readonly scope: PolicyScope; readonly name: string } {
  if (flags.class !== undefined && flags.tenant !== undefined)
    throw usageError('--class and --tenant name two policies; one at a time')
  if (flags.class !== undefined)
    return { scope: PolicyScope.POLICY_SCOPE_STORAGE_CLASS, name: flags.class }
  if (flags.tenant !== undefined)
    return { scope: PolicyScope.POLICY_SCOPE_TENANT, name: flags.tenant }
  return { scope: PolicyScope.POLICY_SCOPE_CLUSTER, name: '' }
}

/** "the cluster", "class fast". */
export function subjectOf({ name, scope }: Pick<PlacementPolicy, 'name' | 'scope'>): string {
  if (scope === PolicyScope.POLICY_SCOPE_STORAGE_CLASS) return `class ${name}`
  return scope === PolicyScope.POLICY_SCOPE_TENANT ? `tenant ${name}` : 'the cluster'
}

/** Says what holds where a scope has no policy of its own; other errors stay as they are. */
export function explainAbsence(error: unknown): never {
  if (!(error instanceof KeelsonError) || error.code !== 'NOT_FOUND') throw error
  throw new KeelsonError(error.code, error.message, {
    details: ['the wider scopes and the defaults hold: placement policy show --effective'],
  })
}

/** A policy: the policy itself for programs, a description for people. */
export function policyView(policy: PlacementPolicy, json: unknown): View {
  return {
    json,
    names: [`policy/${subjectOf(policy).replace(' ', '/')}`],
    human({ paint, wide }) {
      const to = describe(paint, wide)
      describePolicy(to, policy)
      return to.text()
    },
  }
}

const GUARANTEE_MODES = ['off', 'off', 'warn', 'enforce']
const MISSING_LABELS = ['', 'refuse', 'warn']

function describePolicy(to: Description, policy: PlacementPolicy): void {
  const percent = (value: number | undefined) => (value === undefined ? '' : `${value} %`)
  to.fields([
    ['Policy of', subjectOf(policy)],
    ['Version', policy.version === 0n ? 'none of its own' : String(policy.version)],
    ['Set', timestamp(policy.updatedAt)],
    ['CPU over-commit', percent(policy.cpuOvercommitPercent)],
    ['Data kept free', percent(policy.minFreeDataPercent)],
    ['Metadata kept free', percent(policy.minFreeMetadataPercent)],
    ['Most wear', policy.maxWearPercent === 0 ? 'any' : percent(policy.maxWearPercent)],
    ['Missing labels', MISSING_LABELS[policy.missingLabelAction] ?? ''],
  ])
  to.section('Guarantees:', (inner) =>
    inner.table(
      [
        { title: 'LOSS OF', cell: ({ failureDomain }) => shortLabel(failureDomain) },
        { title: 'AT ONCE', cell: ({ losses }) => String(losses || 1), right: true },
        { title: 'MODE', cell: ({ mode }) => GUARANTEE_MODES[mode] ?? '' },
      ],
      policy.guarantees,
    ),
  )
  to.section('Weights:', (inner) =>
    inner.fields(Object.entries(policy.weights).map(([name, weight]) => [name, String(weight)])),
  )
}
