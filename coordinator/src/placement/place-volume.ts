/**
 * Chooses the pools of a volume's replicas: filter, score, pick. Pure and seeded. The scan is
 * exhaustive; a report with a reason for every host is made only when somebody will read it, that
 * is on a refusal or when asked for.
 */
import type { NodeVerdict, PlacementReport, ScorePart } from '@keelson/shared/model'
import { formatSize } from '@keelson/shared/model'
import type { Candidate } from '../state/index.ts'
import { FILTERS, poolCapacityBytes, promisableBytes } from './filters.ts'
import type { VolumeRequest } from './request.ts'

/** What placement found. */
export interface VolumePlacement {
  /** As many as replicas were asked for, or empty when it does not fit. */
  readonly chosen: readonly Candidate[]
  readonly report: PlacementReport
}

/** How placement reports. */
export interface PlaceOptions {
  /** Give a verdict for every host even when the volume fits. */
  readonly explain: boolean
  readonly resourceVersion: number
}

/** Candidates that pass every filter, and how many fell at each. */
interface Feasible {
  readonly candidates: readonly Candidate[]
  /** Score of each, at the same index. */
  readonly scores: readonly number[]
  /** How many candidates each filter rejected first. */
  readonly rejected: readonly number[]
}

/** Places a volume among the candidates. */
export function placeVolume(
  candidates: readonly Candidate[],
  request: VolumeRequest,
  options: PlaceOptions,
): VolumePlacement {
  const feasible = scan(candidates, request)
  const chosen = pick(feasible, request)
  const detailed = options.explain || chosen.length === 0
  const nodes = (detailed ? candidates : chosen).map((candidate) =>
    verdict(candidate, request, chosen),
  )
  return {
    chosen,
    report: {
      subject: request.subject,
      placeable: chosen.length > 0,
      summary: summary(request, candidates, feasible, chosen),
      replicasRequested: request.replicas,
      nodes,
      funnel: funnel(candidates.length, feasible.rejected),
      ...(chosen.length > 0 ? { closestMiss: '', suggestedFix: '' } : closest(candidates, request)),
      resourceVersion: options.resourceVersion,
    },
  }
}

/** One pass over everything; allocates nothing per candidate but its place in the lists. */
function scan(candidates: readonly Candidate[], request: VolumeRequest): Feasible {
  const passed: Candidate[] = []
  const scores: number[] = []
  const rejected = new Array<number>(FILTERS.length).fill(0)
  const relevant = FILTERS.filter(({ applies }) => applies?.(request) ?? true)
  const checks = relevant.map(({ check }) => check)
  for (const candidate of candidates) {
    let at = 0
    while (at < checks.length && checks[at]!(candidate, request) === null) at++
    if (at === checks.length) {
      passed.push(candidate)
      scores.push(score(candidate, request))
    } else rejected[FILTERS.indexOf(relevant[at]!)]!++
  }
  return { candidates: passed, scores, rejected }
}

function funnel(count: number, rejected: readonly number[]): PlacementReport['funnel'] {
  let remaining = count
  return FILTERS.map(({ name }, index) => {
    remaining -= rejected[index]!
    return { filter: name, remaining }
  })
}

/** Index of the first filter the candidate fails; undefined if it passes all. */
function firstFailure(candidate: Candidate, request: VolumeRequest): number | undefined {
  for (let i = 0; i < FILTERS.length; i++)
    if (FILTERS[i]!.check(candidate, request) !== null) return i
  return undefined
}

function domainOf(candidate: Candidate, { failureDomain }: VolumeRequest): string {
  return candidate.node?.meta.labels[failureDomain] ?? ''
}

/** What the parts count: room left after the volume, few replicas, and a grain of chance. */
const WEIGHTS = { room: 10, 'few-replicas': 1, chance: 0.01 }

/** Share of what the pool may promise that is left after the volume: spreads load. */
function room(candidate: Candidate, { sizeBytes }: VolumeRequest): number {
  const limit = (poolCapacityBytes(candidate) * candidate.overcommitPercent) / 100 || 1
  return Math.max(0, (promisableBytes(candidate) - sizeBytes) / limit)
}

/** In [0, 1), by host and seed, so that equals do not all land on the first. */
function chance({ hash }: Candidate, { seed }: VolumeRequest): number {
  let mixed = Math.imul(hash ^ seed, 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
}

function score(candidate: Candidate, request: VolumeRequest): number {
  return (
    room(candidate, request) * WEIGHTS.room +
    WEIGHTS['few-replicas'] / (1 + candidate.replicaCount) +
    chance(candidate, request) * WEIGHTS.chance
  )
}

/** The same in parts, for a report. */
function scoreParts(candidate: Candidate, request: VolumeRequest): readonly ScorePart[] {
  const values = {
    room: room(candidate, request),
    'few-replicas': 1 / (1 + candidate.replicaCount),
    chance: chance(candidate, request),
  }
  return (['room', 'few-replicas', 'chance'] as const).map((name) => ({
    name,
    value: values[name],
    weight: WEIGHTS[name],
  }))
}

/** As many as asked for under the failure-domain rule, or none. */
function pick(feasible: Feasible, request: VolumeRequest): readonly Candidate[] {
  if (request.failureDomainMode === 'Same' && request.replicas > 1)
    return pickSame(feasible, request)
  const picked: Candidate[] = []
  const usesOfDomain = new Map<string, number>()
  while (picked.length < request.replicas) {
    const next = best(feasible, request, picked, usesOfDomain)
    if (!next) return []
    picked.push(next)
    const domain = domainOf(next, request)
    usesOfDomain.set(domain, (usesOfDomain.get(domain) ?? 0) + 1)
  }
  return picked
}

/**
 * The best candidate on a host not used yet: in the domain used least, and of those the one with
 * the highest score. Under Different a used domain is no choice; taking the best host of each
 * domain is exact, since any set of distinct domains can take its best hosts.
 */
function best(
  { candidates, scores }: Feasible,
  request: VolumeRequest,
  picked: readonly Candidate[],
  usesOfDomain: ReadonlyMap<string, number>,
): Candidate | undefined {
  const first = picked.length === 0
  let chosen: Candidate | undefined
  let chosenUses = 0
  let chosenScore = 0
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i]!
    const uses = first && request.replicas === 1 ? 0 : domainUses(candidate, request, usesOfDomain)
    if (chosen && (uses > chosenUses || (uses === chosenUses && scores[i]! <= chosenScore)))
      continue
    if (!first && picked.some(({ pool }) => pool.spec.node === candidate.pool.spec.node)) continue
    if (uses >= 1 && request.failureDomainMode === 'Different') continue
    chosen = candidate
    chosenUses = uses
    chosenScore = scores[i]!
  }
  return chosen
}

/** A host without the label comes after unused domains and before used ones. */
function domainUses(
  candidate: Candidate,
  request: VolumeRequest,
  usesOfDomain: ReadonlyMap<string, number>,
): number {
  const domain = domainOf(candidate, request)
  return (usesOfDomain.get(domain) ?? 0) + (domain === '' ? 0.5 : 0)
}

/** The domain whose best hosts score highest together. */
function pickSame({ candidates, scores }: Feasible, request: VolumeRequest): readonly Candidate[] {
  const order = candidates.map((_, index) => index).sort((a, b) => scores[b]! - scores[a]!)
  const domains = new Map<string, { members: Candidate[]; total: number }>()
  for (const index of order) {
    const candidate = candidates[index]!
    const domain = domainOf(candidate, request)
    const group = domains.get(domain) ?? { members: [], total: 0 }
    domains.set(domain, group)
    const { node } = candidate.pool.spec
    if (group.members.length === request.replicas) continue
    if (group.members.some(({ pool }) => pool.spec.node === node)) continue
    group.members.push(candidate)
    group.total += scores[index]!
  }
  const whole = [...domains.values()].filter(({ members }) => members.length === request.replicas)
  return whole.sort((a, b) => b.total - a.total)[0]?.members ?? []
}

function verdict(
  candidate: Candidate,
  request: VolumeRequest,
  chosen: readonly Candidate[],
): NodeVerdict {
  const failed = firstFailure(candidate, request)
  const filter = failed === undefined ? undefined : FILTERS[failed]!
  const scores = filter ? [] : scoreParts(candidate, request)
  return {
    node: candidate.pool.spec.node,
    pool: candidate.pool.meta.name,
    chosen: chosen.includes(candidate),
    rejectedBy: filter?.name ?? '',
    reason: filter?.check(candidate, request) ?? '',
    scores,
    totalScore: scores.reduce((sum, part) => sum + part.value * part.weight, 0),
  }
}

function summary(
  request: VolumeRequest,
  candidates: readonly Candidate[],
  feasible: Feasible,
  chosen: readonly Candidate[],
): string {
  const want = `${request.replicas} × ${formatSize(request.sizeBytes)}`
  if (chosen.length > 0)
    return `${want} on ${chosen.map(({ pool }) => `${pool.spec.node}/${pool.meta.name}`).join(', ')}`
  const nodes = new Set(feasible.candidates.map(({ pool }) => pool.spec.node)).size
  const domains = new Set(feasible.candidates.map((item) => domainOf(item, request))).size
  if (candidates.length === 0) return `${want} cannot be placed: there are no storage pools`
  const rule =
    request.failureDomainMode !== 'PreferDifferent' && request.replicas > 1
      ? ` in ${domains} domains of ${request.failureDomain} (${request.failureDomainMode})`
      : ''
  return `${want} cannot be placed: ${nodes} of ${new Set(candidates.map((c) => c.pool.spec.node)).size} nodes with pools fit${rule}`
}

/** The rejected candidate that came furthest, with what would make it fit. */
function closest(
  candidates: readonly Candidate[],
  request: VolumeRequest,
): { closestMiss: string; suggestedFix: string } {
  let best: Candidate | undefined
  let bestFailure = -1
  for (const candidate of candidates) {
    const failed = firstFailure(candidate, request)
    if (failed === undefined || failed < bestFailure) continue
    if (failed === bestFailure && best && promisableBytes(candidate) <= promisableBytes(best))
      continue
    best = candidate
    bestFailure = failed
  }
  if (!best) {
    if (candidates.length === 0)
      return {
        closestMiss: '',
        suggestedFix: 'create a pool: keelson pool create NAME --node NODE …',
      }
    return {
      closestMiss: `${request.replicas} replicas need as many nodes that fit`,
      suggestedFix:
        'ask for fewer replicas, relax the failure-domain rule, or add nodes with pools',
    }
  }
  const where = `${best.pool.spec.node}/${best.pool.meta.name}`
  const filter = FILTERS[bestFailure]!
  return {
    closestMiss: `${where}: ${filter.check(best, request) ?? ''}`,
    suggestedFix: fix(filter.name, best, request),
  }
}

function fix(filter: string, candidate: Candidate, request: VolumeRequest): string {
  const { node, kind } = candidate.pool.spec
  switch (filter) {
    case 'space': {
      const missing = request.sizeBytes - promisableBytes(candidate)
      return `${formatSize(missing)} more in pool ${node}/${candidate.pool.meta.name} would do`
    }
    case 'node-schedulable':
      return `keelson node uncordon ${node}`
    case 'failure-domain':
      return `keelson node label ${node} ${request.failureDomain}=…`
    case 'pool-kind':
      return `allow ${kind} in the class`
    case 'replication':
      return 'ask for 1 replica, or for nodes with the capability drbd'
    default:
      return ''
  }
}
