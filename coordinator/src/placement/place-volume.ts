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

interface Scored {
  readonly candidate: Candidate
  readonly score: number
  readonly domain: string
}

/** How placement reports. */
export interface PlaceOptions {
  /** Give a verdict for every host even when the volume fits. */
  readonly explain: boolean
  readonly resourceVersion: number
}

/** Places a volume among the candidates. */
export function placeVolume(
  candidates: readonly Candidate[],
  request: VolumeRequest,
  options: PlaceOptions,
): VolumePlacement {
  const left = new Array<number>(FILTERS.length).fill(0)
  const feasible: Scored[] = []
  for (const candidate of candidates) {
    const failed = firstFailure(candidate, request)
    const passed = failed === undefined ? FILTERS.length : failed
    for (let i = 0; i < passed; i++) left[i]!++
    if (failed === undefined) feasible.push(scored(candidate, request))
  }
  const chosen = pick(bestPerNode(feasible), request).map((entry) => entry.candidate)
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
      funnel: FILTERS.map(({ name }, index) => ({ filter: name, remaining: left[index]! })),
      ...(chosen.length > 0 ? { closestMiss: '', suggestedFix: '' } : closest(candidates, request)),
      resourceVersion: options.resourceVersion,
    },
  }
}

/** Index of the first filter the candidate fails; undefined if it passes all. */
function firstFailure(candidate: Candidate, request: VolumeRequest): number | undefined {
  for (let i = 0; i < FILTERS.length; i++)
    if (FILTERS[i]!.check(candidate, request) !== null) return i
  return undefined
}

function scored(candidate: Candidate, request: VolumeRequest): Scored {
  const domain = candidate.node?.meta.labels[request.failureDomain] ?? ''
  return { candidate, domain, score: total(scoreParts(candidate, request)) }
}

/**
 * Preferences, each between 0 and 1: room left after the volume (spreads load), few replicas, and a
 * grain of chance that differs per host and seed, so that equals do not all land on the first.
 */
function scoreParts(candidate: Candidate, request: VolumeRequest): readonly ScorePart[] {
  const { pool } = candidate
  const limit = (poolCapacityBytes(candidate) * pool.spec.overcommitPercent) / 100 || 1
  return [
    {
      name: 'room',
      value: Math.max(0, (promisableBytes(candidate) - request.sizeBytes) / limit),
      weight: 10,
    },
    { name: 'few-replicas', value: 1 / (1 + candidate.replicaCount), weight: 1 },
    { name: 'chance', value: chance(request.seed, pool.meta.uid), weight: 0.01 },
  ]
}

function total(parts: readonly ScorePart[]): number {
  let sum = 0
  for (const part of parts) sum += part.value * part.weight
  return sum
}

/** A number in [0, 1) from seed and text (FNV-1a). */
function chance(seed: number, text: string): number {
  let hash = (seed ^ 0x811c9dc5) >>> 0
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0) / 2 ** 32
}

/** The best pool of each host, best first: two replicas on one host are no redundancy. */
function bestPerNode(feasible: readonly Scored[]): Scored[] {
  const best = new Map<string, Scored>()
  for (const entry of feasible) {
    const { node } = entry.candidate.pool.spec
    const known = best.get(node)
    if (!known || entry.score > known.score) best.set(node, entry)
  }
  return [...best.values()].sort((a, b) => b.score - a.score)
}

/** As many as asked for under the failure-domain rule, or none. `ranked` is best first. */
function pick(ranked: readonly Scored[], request: VolumeRequest): readonly Scored[] {
  switch (request.failureDomainMode) {
    case 'Different':
      return whole(pickDifferent(ranked, request.replicas), request.replicas)
    case 'PreferDifferent':
      return whole(pickPreferDifferent(ranked, request.replicas), request.replicas)
    case 'Same':
      return pickSame(ranked, request.replicas)
  }
}

function whole(picked: readonly Scored[], replicas: number): readonly Scored[] {
  return picked.length === replicas ? picked : []
}

/** The best of each domain; exact, since any set of distinct domains can take its best hosts. */
function pickDifferent(ranked: readonly Scored[], replicas: number): Scored[] {
  if (replicas === 1) return ranked.slice(0, 1)
  const seen = new Set<string>()
  const picked: Scored[] = []
  for (const entry of ranked) {
    if (picked.length === replicas) break
    if (seen.has(entry.domain)) continue
    seen.add(entry.domain)
    picked.push(entry)
  }
  return picked
}

/** Round by round, each round the domains used least; a host without the label is its own last choice. */
function pickPreferDifferent(ranked: readonly Scored[], replicas: number): Scored[] {
  const used = new Map<string, number>()
  const picked: Scored[] = []
  const rest = new Set(ranked)
  while (picked.length < replicas && rest.size > 0) {
    let next: Scored | undefined
    let nextUses = Number.POSITIVE_INFINITY
    for (const entry of rest) {
      const uses = (used.get(entry.domain) ?? 0) + (entry.domain === '' ? 0.5 : 0)
      if (uses >= nextUses) continue
      next = entry
      nextUses = uses
      if (uses === 0) break
    }
    if (!next) break
    rest.delete(next)
    used.set(next.domain, (used.get(next.domain) ?? 0) + 1)
    picked.push(next)
  }
  return picked
}

/** The domain whose best hosts score highest together. */
function pickSame(ranked: readonly Scored[], replicas: number): readonly Scored[] {
  const domains = new Map<string, Scored[]>()
  for (const entry of ranked) {
    const members = domains.get(entry.domain) ?? []
    if (members.length < replicas) members.push(entry)
    domains.set(entry.domain, members)
  }
  const sum = (entries: readonly Scored[]) => entries.reduce((all, entry) => all + entry.score, 0)
  return (
    [...domains.values()]
      .filter((members) => members.length === replicas)
      .sort((a, b) => sum(b) - sum(a))[0] ?? []
  )
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
    totalScore: total(scores),
  }
}

function summary(
  request: VolumeRequest,
  candidates: readonly Candidate[],
  feasible: readonly Scored[],
  chosen: readonly Candidate[],
): string {
  const want = `${request.replicas} × ${formatSize(request.sizeBytes)}`
  if (chosen.length > 0)
    return `${want} on ${chosen.map(({ pool }) => `${pool.spec.node}/${pool.meta.name}`).join(', ')}`
  const nodes = new Set(feasible.map((entry) => entry.candidate.pool.spec.node)).size
  const domains = new Set(feasible.map((entry) => entry.domain)).size
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
      return 'load the DRBD module on the nodes, or ask for 1 replica'
    default:
      return ''
  }
}
