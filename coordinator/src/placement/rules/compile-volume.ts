import { KeelsonError } from '@keelson/shared/errors'
import {
  formatSize,
  parseSelector,
  RACK_LABEL,
  REPLICATION_CAPABILITY,
  type ReplicaRule,
  type VolumeDemand,
} from '@keelson/shared/model'
import type { Subject } from '../contract.ts'
import type { DomainRule } from '../fleet/index.ts'
import { type EffectivePolicy, guaranteeRules, isEnforced } from '../policy/index.ts'
import type { FleetView, Rule } from '../view/index.ts'
import {
  type CompiledVolume,
  type CompileOptions,
  maskOf,
  seedOf,
  weighPreferences,
} from './compiled.ts'
import { ruleContradictions } from './contradictions.ts'
import { hostRules, selectionRules, taintPreferences } from './host-rules.ts'
import { neighbourRules, shortLabel } from './neighbours.ts'

/** A demand with the rules of its class where it leaves a choice. */
export interface Wanted extends VolumeDemand {
  readonly poolSelector: string
  /** Those of the class, its own, and those of enforced guarantees. */
  readonly replicaRules: readonly ReplicaRule[]
}

/**
 * Turns a demand into masks and numbers. Raises NOT_FOUND for a class that does not exist,
 * FAILED_PRECONDITION for a group whose members state differing rules, INVALID_ARGUMENT for
 * selectors that cannot be read.
 */
export function compileVolume(
  view: FleetView,
  subject: Subject,
  demand: VolumeDemand,
  { others, replicated = false }: CompileOptions = {},
): CompiledVolume {
  const storageClass = classOf(view, demand)
  const policy = view.policy(demand)
  const wanted = withClass(view, demand)
  const shared = policy.missingLabelAction === 'Warn'
  const { name, labels = {}, uid } = subject
  const { rules: own, tenant } = demand
  const newcomer = { kind: 'Volume', name, tenant, labels, rules: own } as const
  const neighbours = neighbourRules(view, newcomer, shared, others)
  const { hostCount, poolCount, poolHost } = view.fleet
  const standing = volumeRules(view, wanted, policy, replicated)
  const moving = neighbours.rules.map((rule) => onPools(view, rule))
  const classKey = storageClass
    ? `${storageClass.meta.uid}@${storageClass.meta.resourceVersion}`
    : ''
  const key = JSON.stringify([classKey, replicated, { ...demand, sizeBytes: 0 }])
  const mask = maskOf(view.poolMasks, key, standing, moving, poolCount)
  const preferences = weighPreferences(
    [...taintPreferences(view, own.tolerations), ...neighbours.preferences],
    hostCount,
  )
  const spread = wanted.replicaRules.map((rule) => domainRule(view, rule, shared))
  return {
    subject: `volume/${name}`,
    policy,
    rules: [...standing, ...moving],
    mask,
    contradictions: ruleContradictions(own, wanted.replicaRules),
    warnings: [
      ...(shared ? labelWarnings(view, wanted.replicaRules, mask.open, poolHost) : []),
      ...(wanted.replicas === 1 && !replicated && isEnforced(policy)
        ? [`volume/${name} has 1 replica: no guarantee covers it`]
        : []),
    ],
    guaranteed: guaranteeRules(policy, wanted.replicas),
    preferences,
    replicas: wanted.replicas,
    seed: seedOf(uid) % Math.max(1, hostCount),
    request: {
      name,
      sizeBytes: demand.sizeBytes,
      replicas: wanted.replicas,
      pools: mask.open,
      spread,
      preference: preferences?.byHost,
    },
  }
}

function classOf({ state }: FleetView, { storageClass: name }: VolumeDemand) {
  if (name === '') return undefined
  const storageClass = state.classes.get(name)
  if (!storageClass) throw new KeelsonError('NOT_FOUND', `class "${name}" does not exist`)
  return storageClass
}

/** A demand with what its class says. Raises NOT_FOUND for a class that does not exist. */
export function withClass(view: FleetView, demand: VolumeDemand): Wanted {
  const { failureDomain, failureDomainMode, poolKinds, poolSelector, ...rest } = classOf(
    view,
    demand,
  )?.spec ?? {
    failureDomain: RACK_LABEL,
    failureDomainMode: 'PreferDifferent' as const,
    poolKinds: [],
    poolSelector: '',
    pool: '',
    replicas: 1,
  }
  const ofClass = { failureDomain, mode: failureDomainMode, maximumPerDomain: 1 }
  const replicas = demand.replicas || rest.replicas
  const guaranteed = guaranteeRules(view.policy(demand), replicas)
  return {
    ...demand,
    replicas,
    pool: demand.pool || rest.pool,
    poolKinds: demand.poolKinds.length > 0 ? demand.poolKinds : poolKinds,
    poolSelector,
    replicaRules: [ofClass, ...demand.replicaRules, ...packedRules(demand), ...guaranteed],
  }
}

/** A group whose members are together is not torn apart by the replicas of one of them. */
function packedRules({ rules }: VolumeDemand): ReplicaRule[] {
  return rules.groups.flatMap(({ failureDomain, relation, strength }) =>
    relation === 'Together' && strength === 'Required' && failureDomain !== ''
      ? { failureDomain, mode: 'Same' as const, maximumPerDomain: 1 }
      : [],
  )
}

/** A rule about hosts as one about their pools. */
function onPools({ fleet }: FleetView, { check, name }: Rule): Rule {
  const { poolHost } = fleet
  return { name, check: (pool) => check(poolHost[pool]!) }
}

/** Every rule but room and neighbours, in the order they are checked: the plainest first. */
function volumeRules(
  view: FleetView,
  wanted: Wanted,
  policy: EffectivePolicy,
  replicated: boolean,
): Rule[] {
  const { rules } = wanted
  const about = (hostRule: Rule) => onPools(view, hostRule)
  return [
    ...selectionRules(view, rules).map(about),
    ...poolSelectionRules(view, wanted),
    ...hostRules(view, rules.tolerations).map(about),
    ...poolConditionRules(view, policy),
    ...(replicated || wanted.replicas > 1 ? [replicationRule(view, wanted)] : []).map(about),
    ...labelRules(view, wanted, policy).map(about),
  ]
}

function poolSelectionRules({ pools }: FleetView, wanted: Wanted): Rule[] {
  const { pool: name, poolKinds, poolSelector } = wanted
  const found: Rule[] = []
  if (name !== '')
    found.push({
      name: 'pool-name',
      check(row) {
        const { pool } = pools[row]!
        return pool.meta.name === name ? null : `pool is "${pool.meta.name}", needs "${name}"`
      },
    })
  if (poolKinds.length > 0)
    found.push({
      name: 'pool-kind',
      check(row) {
        const { kind } = pools[row]!.pool.spec
        if (poolKinds.includes(kind)) return null
        return `pool kind is ${kind}, needs ${poolKinds.join(' or ')}`
      },
    })
  if (poolSelector !== '') {
    const selects = parseSelector(poolSelector)
    found.push({
      name: 'pool-labels',
      check: (row) =>
        selects(pools[row]!.pool.meta.labels)
          ? null
          : `pool labels do not match "${poolSelector}" of the class`,
    })
  }
  return found
}

function poolConditionRules({ pools }: FleetView, policy: EffectivePolicy): Rule[] {
  const { minFreeDataPercent, minFreeThickPercent } = policy
  return [
    {
      name: 'pool-ready',
      check(row) {
        const { conditions, phase } = pools[row]!.pool.status
        if (phase === 'Ready') return null
        const why = conditions.find((condition) => condition.type === 'Ready')?.message
        return `pool is ${phase}${why ? `: ${why}` : ''}`
      },
    },
    {
      name: 'data-floor',
      check(row) {
        const { freeBytes, thin, totalBytes } = pools[row]!
        const floor = thin ? minFreeDataPercent : minFreeThickPercent
        if (freeBytes * 100 >= totalBytes * floor) return null
        return `${formatSize(freeBytes)} of ${formatSize(totalBytes)} really free, floor is ${floor} %`
      },
    },
  ]
}

/** The host replicates, as replicas beside others have to. */
export function replicationRule(
  { nodes }: FleetView,
  { replicas }: Pick<Wanted, 'replicas'>,
): Rule {
  const why = replicas > 1 ? `${replicas} replicas are wanted` : 'its replica joins others'
  return {
    name: 'replication',
    check: (host) =>
      nodes[host]?.status.capabilities.includes(REPLICATION_CAPABILITY)
        ? null
        : `node cannot replicate (no DRBD), and ${why}`,
  }
}

/** Hosts need the labels that binding rules about failure domains name. */
function labelRules(view: FleetView, wanted: Wanted, policy: EffectivePolicy): Rule[] {
  if (wanted.replicas <= 1 || policy.missingLabelAction === 'Warn') return []
  const labels = wanted.replicaRules
    .filter(({ mode }) => mode !== 'PreferDifferent')
    .map(({ failureDomain }) => failureDomain)
  if (labels.length === 0) return []
  const { hosts } = view.fleet
  const domain: Rule = {
    name: 'failure-domain',
    check(host) {
      const missing = labels.find((label) => label !== '' && !(label in hosts[host]!.labels))
      return missing === undefined ? null : `node has no label ${missing}`
    },
  }
  return [domain]
}

/** How replicas stand to failure domains, by host row. */
export function domainRule(view: FleetView, rule: ReplicaRule, shared: boolean): DomainRule {
  const { failureDomain, maximumPerDomain, mode } = rule
  return { domains: view.domains(failureDomain, shared), mode, maximumPerDomain }
}

/** Hosts that were let pass although nobody knows their failure domain. */
function labelWarnings(
  { fleet }: FleetView,
  rules: readonly ReplicaRule[],
  open: Uint8Array,
  poolHost: Int32Array,
): string[] {
  return rules.flatMap(({ failureDomain: label, mode }) => {
    if (label === '' || mode === 'PreferDifferent') return []
    const domains = fleet.domainsOf(label)
    const without = new Set<number>()
    for (const [row, host] of poolHost.entries())
      if (open[row] === 1 && domains[host]! < 0) without.add(host)
    if (without.size === 0) return []
    const count = `${without.size} node${without.size > 1 ? 's' : ''}`
    return [`${count} without label ${label} count as one ${shortLabel(label)}`]
  })
}
