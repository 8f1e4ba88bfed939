import {
  type AffinityRule,
  AffinityTarget,
  FailureDomainMode,
  type GroupRule,
  type PlacementRules,
  type ReplicaRule,
  RuleRelation,
  RuleStrength,
} from '@keelson/shared/api'
import {
  checkLabelKey,
  checkName,
  parseSelector,
  parseToleration,
  RACK_LABEL,
  type Toleration,
} from '@keelson/shared/model'
import { usageError } from '../../errors/index.ts'
import { repeated, text, texts, toggle } from '../../verb/index.ts'

const { RULE_RELATION_APART, RULE_RELATION_TOGETHER } = RuleRelation

/** Labels that have a short name on the command line. */
const SHORT_LABELS: Readonly<Record<string, string>> = {
  host: '',
  rack: RACK_LABEL,
  zone: 'topology.kubernetes.io/zone',
}

const DOMAIN = 'host, rack, zone or another node label'

/** What binds a volume or a machine to hosts and to others; `node` is each verb's own. */
export const ruleFlags = {
  nodeSelector: text('selector', 'only hosts with matching labels, such as "tier=gold"'),
  excludeNode: texts('name', 'none of these hosts; may be repeated', { complete: 'node' }),
  toleration: repeated(
    'taint',
    'taint it puts up with: key, key=value or key=value:Effect; may be repeated',
    parseToleration,
  ),
  spread: repeated(
    'group[:label[:max]]',
    `member of a group of which each domain gets at most max (1); label: ${DOMAIN}`,
    (value) => parseGroup(value, RULE_RELATION_APART),
  ),
  pack: repeated('group[:label]', 'member of a group that stays in one domain', (value) =>
    parseGroup(value, RULE_RELATION_TOGETHER),
  ),
  apartFrom: repeated(
    'kind=name[:label]',
    'in another domain than vm=…, volume=… or tenant=…; may be repeated',
    (value) => parseAffinity(value, RULE_RELATION_APART),
  ),
  near: repeated(
    'kind=name[:label]',
    'in the same domain as vm=…, volume=… or tenant=…; may be repeated',
    (value) => parseAffinity(value, RULE_RELATION_TOGETHER),
  ),
  pinned: toggle('it stays where it is: nothing moves it by itself'),
} as const

/** How the replicas of a volume keep apart. */
export const spreadBy = repeated(
  'label[:max]',
  `at most max (1) replicas in each domain; label: ${DOMAIN}`,
  (value): ReplicaRule => {
    const [label = '', most] = value.split(':')
    const failureDomain = domainOf(label)
    if (failureDomain === '') throw usageError('replicas of a volume are on different hosts anyway')
    const mode = FailureDomainMode.FAILURE_DOMAIN_MODE_DIFFERENT
    return { failureDomain, mode, maxPerDomain: countOf(most) }
  },
)

/** What `ruleFlags` give, and the hosts a verb was told. */
export interface RuleValues {
  readonly node: readonly string[]
  readonly nodeSelector: string | undefined
  readonly excludeNode: readonly string[]
  readonly toleration: readonly Toleration[]
  readonly spread: readonly GroupRule[]
  readonly pack: readonly GroupRule[]
  readonly apartFrom: readonly AffinityRule[]
  readonly near: readonly AffinityRule[]
  readonly pinned: boolean
}

/** The rules, on top of those of `base`; undefined if there are none. */
export function rulesOf(flags: RuleValues, base?: PlacementRules): PlacementRules | undefined {
  const { nodeSelector = '' } = flags
  parseSelector(nodeSelector)
  const rules: PlacementRules = {
    nodeSelector: nodeSelector || (base?.nodeSelector ?? ''),
    nodes: [...(base?.nodes ?? []), ...flags.node],
    excludedNodes: [...(base?.excludedNodes ?? []), ...flags.excludeNode],
    tolerations: [
      ...(base?.tolerations ?? []),
      ...flags.toleration.map(({ effect = '', key, value }) => ({ key, value, effect })),
    ],
    affinities: [...(base?.affinities ?? []), ...flags.apartFrom, ...flags.near],
    groups: [...(base?.groups ?? []), ...flags.spread, ...flags.pack],
    pinned: flags.pinned || (base?.pinned ?? false),
  }
  const { affinities, excludedNodes, groups, nodes, tolerations } = rules
  const lists = [affinities, excludedNodes, groups, nodes, tolerations]
  const none =
    !rules.pinned && rules.nodeSelector === '' && lists.every(({ length }) => length === 0)
  return none ? undefined : rules
}

/** The label a short name stands for; empty means single hosts. */
function domainOf(word: string): string {
  const label = Object.hasOwn(SHORT_LABELS, word) ? SHORT_LABELS[word]! : word
  return label === '' ? '' : checkLabelKey(label)
}

function countOf(word: string | undefined): number {
  if (word === undefined) return 1
  if (!/^[1-9]\d{0,5}$/.test(word)) throw usageError(`"${word}" is not a number from 1`)
  return Number(word)
}

function parseGroup(value: string, relation: RuleRelation): GroupRule {
  const [name = '', label = '', most, ...rest] = value.split(':')
  const packed = relation === RULE_RELATION_TOGETHER
  if (rest.length > 0 || (packed && most !== undefined))
    throw usageError(`"${value}" has too many parts`)
  return {
    name: checkName('group', name),
    relation,
    failureDomain: domainOf(label),
    strength: RuleStrength.RULE_STRENGTH_REQUIRED,
    maxPerDomain: countOf(most),
  }
}

const TARGETS: Readonly<Record<string, AffinityTarget>> = {
  vm: AffinityTarget.AFFINITY_TARGET_VIRTUAL_MACHINE,
  volume: AffinityTarget.AFFINITY_TARGET_VOLUME,
  tenant: AffinityTarget.AFFINITY_TARGET_TENANT,
}

function parseAffinity(value: string, relation: RuleRelation): AffinityRule {
  const [, kind = '', name = '', label = ''] = /^([a-z]+)=([^:]+)(?::(.+))?$/.exec(value) ?? []
  const target = Object.hasOwn(TARGETS, kind) ? TARGETS[kind] : undefined
  if (target === undefined)
    throw usageError(`"${value}" is not vm=name, volume=name or tenant=name`)
  return {
    target,
    names: [checkName(kind, name)],
    labelSelector: '',
    relation,
    failureDomain: domainOf(label),
    strength: RuleStrength.RULE_STRENGTH_REQUIRED,
    weight: 1,
  }
}
