import { readFile } from 'node:fs/promises'
import {
  type GuaranteeCheck,
  PlacementPolicy,
  PlacementServiceService,
  SetPolicyResponse,
} from '@keelson/shared/api'
import { unreadable, usageError } from '../../../errors/index.ts'
import { describe, type View } from '../../../output/index.ts'
import { defineVerb, mutating, required, text, wholeNumber } from '../../../verb/index.ts'
import { labelOf } from '../label.ts'
import { nameOf } from '../verify.ts'
import { subjectOf } from './scope.ts'

/** `placement policy set`. */
export const set = defineVerb({
  name: 'set',
  summary: 'replace a policy by what a YAML file says',
  description:
    'The file is what "policy show -o yaml" prints; what it leaves out is left to the wider ' +
    'scope. Its version is the one it replaces: if another came between, nothing is changed.',
  flags: {
    file: required(text('path', 'YAML or JSON file', { complete: 'file' })),
    replaces: wholeNumber('version', 'version it replaces (the one in the file)', [
      0,
      Number.MAX_SAFE_INTEGER,
    ]),
    ...mutating,
  },
  examples: [
    'placement policy set --file policy.yaml',
    'placement policy set --file policy.yaml --dry-run',
  ],
  async run({ flags, session }) {
    const policy = await readPolicy(flags.file)
    const client = await session.client()
    const response = await client.call(PlacementServiceService.setPolicy, {
      policy,
      expectedVersion: BigInt(flags.replaces ?? policy.version),
      dryRun: flags.dryRun,
    })
    await session.print(outcomeView(response, flags.dryRun))
  },
})

/** Keys of a policy as proto3 JSON writes them. */
const KNOWN = [
  'scope',
  'name',
  'version',
  'updatedAt',
  'weights',
  'guarantees',
  'cpuOvercommitPercent',
  'minFreeDataPercent',
  'minFreeMetadataPercent',
  'maxWearPercent',
  'missingLabelAction',
  'rebalanceLimits',
]

/** The policy of a YAML or JSON file; a usage error for what is none. */
export async function readPolicy(path: string): Promise<PlacementPolicy> {
  let value: unknown
  try {
    const { parse } = await import('yaml')
    value = parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw unreadable(path, cause)
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw usageError(`${path} has no policy in it`)
  const unknown = Object.keys(value).find((key) => !KNOWN.includes(key))
  if (unknown !== undefined)
    throw usageError(`${path}: "${unknown}" is none of ${KNOWN.join(', ')}`)
  return PlacementPolicy.fromJSON(withFullWords(path, value as Record<string, unknown>))
}

/** Short words for the contract's own, which are accepted as well. */
const WORDS = {
  scope: { prefix: 'POLICY_SCOPE_', words: ['cluster', 'storage-class', 'tenant'] },
  mode: { prefix: 'GUARANTEE_MODE_', words: ['off', 'warn', 'enforce'] },
  missingLabelAction: { prefix: 'MISSING_LABEL_ACTION_', words: ['refuse', 'warn'] },
} as const

function withFullWords(path: string, policy: Record<string, unknown>): Record<string, unknown> {
  const full = (field: keyof typeof WORDS, owner: Record<string, unknown>) => {
    const said = owner[field]
    if (said === undefined) return owner
    const { prefix, words } = WORDS[field]
    const word = String(said).replace(prefix, '').toLowerCase().replaceAll('_', '-')
    if (!words.some((known) => known === word))
      throw usageError(`${path}: ${field} "${said}" is none of ${words.join(', ')}`)
    return { ...owner, [field]: `${prefix}${word.toUpperCase().replaceAll('-', '_')}` }
  }
  const { guarantees } = policy
  if (guarantees !== undefined && !Array.isArray(guarantees))
    throw usageError(`${path}: guarantees is not a list`)
  return {
    ...full('missingLabelAction', full('scope', policy)),
    ...(guarantees && {
      guarantees: guarantees.map((guarantee) => withFullLabel(full('mode', guarantee))),
    }),
  }
}

/** Short names of labels, as `--domain` takes them. */
function withFullLabel(guarantee: Record<string, unknown>): Record<string, unknown> {
  const { failureDomain } = guarantee
  if (typeof failureDomain !== 'string') return guarantee
  return { ...guarantee, failureDomain: labelOf(failureDomain) }
}

function outcomeView(response: SetPolicyResponse, dryRun: boolean): View {
  const { brokenGuarantees, policy } = response
  return {
    json: SetPolicyResponse.toJSON(response),
    names: policy ? [`policy/${subjectOf(policy).replace(' ', '/')}`] : [],
    human({ paint, wide }) {
      const to = describe(paint, wide)
      if (policy) {
        const what = `policy of ${subjectOf(policy)}`
        to.line(
          dryRun
            ? `${what} would be version ${policy.version}; nothing was changed`
            : `${what} is version ${policy.version}`,
        )
      }
      to.section('Guarantees that do not hold:', (inner) =>
        inner.table<GuaranteeCheck>(
          [
            { title: 'LOSS OF', cell: nameOf },
            { title: 'WHY', cell: ({ summary }) => summary.slice(summary.indexOf(': ') + 2) },
          ],
          brokenGuarantees,
        ),
      )
      return to.text()
    },
  }
}
