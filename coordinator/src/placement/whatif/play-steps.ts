/** Plays steps one after the other and tells what each did. */
import { KeelsonError } from '@keelson/shared/errors'
import {
  formatSize,
  type Guarantee,
  type GuaranteeCheck,
  IMPACT_KINDS,
  type Impact,
  type ImpactCount,
  type ImpactKind,
  type WhatIfResult,
  type WhatIfStep,
} from '@keelson/shared/model'
import type { Fleet } from '../fleet/index.ts'
import { counted, type PlacedRules, verifyLoss } from '../guarantee/index.ts'
import { createNotes, createPlay, type Notes, type Play } from './play.ts'
import { playStep } from './steps.ts'
import type { World } from './world.ts'

/**
 * Plays the steps on a copy of the world; each starts from where the one before ended. Raises what
 * is wrong with a step, with its number.
 */
export function playSteps(world: World, steps: readonly WhatIfStep[]): WhatIfResult[] {
  const play = createPlay(world)
  // What was broken at the beginning matters only once something is broken at all.
  let broken: ReadonlySet<string> | undefined
  return steps.map((step, index) => {
    const notes = createNotes()
    try {
      const { headline, report } = playStep(play, step, notes)
      const failing = checksOf(play, steps.length)
      if (failing.length > 0) broken ??= brokenKeys(checksOf(createPlay(world), steps.length))
      const newly = failing.filter((check) => !broken?.has(keyOf(check)))
      broken = brokenKeys(failing)
      return resultOf(headline, notes, newly, report)
    } catch (error) {
      if (!(error instanceof KeelsonError)) throw error
      const { code, details, reason } = error
      throw new KeelsonError(code, `steps[${index}]: ${error.message}`, {
        details,
        ...(reason && { reason }),
      })
    }
  })
}

/** The checks of the guarantees in force that do not hold. */
function checksOf({ fleet, rules, world }: Play, stepCount: number): GuaranteeCheck[] {
  const inForce = world.guarantees.filter(({ mode }) => mode !== 'Off')
  const share = 1 / (inForce.length * stepCount)
  return inForce.flatMap((guarantee) =>
    checkGuarantee(fleet, rules, guarantee, share).filter(({ holds }) => !holds),
  )
}

/**
 * Checks a guarantee for every failure domain, or for every set of as many as may be lost; where
 * these are too many, for the fullest. `share` is the part it may have of the time for checks.
 */
export function checkGuarantee(
  fleet: Fleet,
  rules: PlacedRules,
  { failureDomain, losses, ...guarantee }: Guarantee,
  share = 1,
): GuaranteeCheck[] {
  const { checks, sets } = verifyLoss(fleet, rules, failureDomain, losses, { share })
  const all = sets < Number.MAX_SAFE_INTEGER ? `${sets}` : 'very many'
  const some = checks.length < sets ? ` (one of the ${checks.length} fullest of ${all} sets)` : ''
  return checks.map(({ breaks, domains, holds, shortages, summary }) => ({
    guarantee: { failureDomain, losses, ...guarantee },
    domains,
    holds,
    summary: summary + some,
    breaks,
    breakCount: breaks.length,
    shortages,
  }))
}

function brokenKeys(checks: readonly GuaranteeCheck[]): Set<string> {
  return new Set(checks.map(keyOf))
}

function keyOf({ domains, guarantee }: GuaranteeCheck): string {
  return `${guarantee.failureDomain}=${domains.join(',')}`
}

function resultOf(
  headline: string,
  notes: Notes,
  brokenGuarantees: readonly GuaranteeCheck[],
  report: WhatIfResult['report'],
): WhatIfResult {
  const impacts = worstFirst(notes.impacts)
  const impactCounts = countsOf(impacts)
  const { copiedBytes, moves, shortages } = notes
  const parts = [...impactCounts.map(countText), ...movesText(notes)]
  if (brokenGuarantees.length > 0) parts.push(counted(brokenGuarantees.length, ...BREAKS))
  return {
    summary: parts.length > 0 ? `${headline}: ${parts.join('; ')}` : headline,
    impacts,
    impactCounts,
    shortages,
    moves,
    moveCount: moves.length,
    copiedBytes,
    brokenGuarantees,
    ...(report && { report }),
  }
}

/** Within a kind in the order they happened, which is that of importance. */
function worstFirst(impacts: readonly Impact[]): Impact[] {
  return [...impacts].sort((a, b) => IMPACT_KINDS.indexOf(b.kind) - IMPACT_KINDS.indexOf(a.kind))
}

function countsOf(impacts: readonly Impact[]): ImpactCount[] {
  const counts = new Map<ImpactKind, number>()
  for (const { kind } of impacts) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts].map(([kind, count]) => ({ kind, count }))
}

const SENTENCES: Readonly<Record<ImpactKind, readonly [one: string, many: string]>> = {
  Restarts: ['machine starts again', 'machines start again'],
  RedundancyReduced: ['volume lacks a replica for a while', 'volumes lack replicas for a while'],
  RedundancyLost: ['volume keeps too few replicas', 'volumes keep too few replicas'],
  Stops: ['machine stops', 'machines stop'],
  Unavailable: ['volume cannot be used', 'volumes cannot be used'],
  DataLost: ['volume loses its data', 'volumes lose their data'],
}

const BREAKS = [
  'further loss would break a guarantee',
  'further losses would break a guarantee',
] as const

function countText({ count, kind }: ImpactCount): string {
  return counted(count, ...SENTENCES[kind])
}

function movesText({ copiedBytes, moves }: Notes): string[] {
  if (copiedBytes > 0)
    return [`${counted(moves.length, 'move')}, ${formatSize(copiedBytes)} to copy`]
  return moves.length > 0 ? [counted(moves.length, 'move')] : []
}
