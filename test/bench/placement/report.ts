/** Rows of the report: what was measured, its goal, and how it is printed and kept. */
import { print } from '../measure.ts'
import type { Cost } from './measured.ts'

/** One side of a comparison; figures that were not measured are undefined. */
export interface Side {
  readonly placed?: number | undefined
  readonly cost?: Cost | undefined
  /** Ganeti's score of the result. */
  readonly score?: number | undefined
  /** Steps or moved instances. */
  readonly moves?: number | undefined
  readonly copiedGib?: number | undefined
}

/** What a figure should reach. */
export interface Goal {
  readonly what: string
  readonly reached: string
  readonly goal: string
  readonly met: boolean
}

/** A measured case. */
export interface Row {
  readonly task: string
  readonly case: string
  readonly ours: Side
  readonly peer: Side
  /** No engine can place more. */
  readonly bound?: number | undefined
  readonly goals: readonly Goal[]
  /** Broken rules of our result, and what a reader has to know. */
  readonly notes: readonly string[]
}

/** A case of the result file: null stands for what was not run. */
export interface CaseJson {
  readonly case: string
  readonly task: string
  readonly placed: number | null
  readonly peerPlaced: number | null
  readonly bound: number | null
  /** Processor time, user and system, of a process of its own where the notes say cold. */
  readonly seconds: number | null
  readonly peerSeconds: number | null
  readonly score: number | null
  readonly peerScore: number | null
  readonly moves: number | null
  readonly peerMoves: number | null
  readonly copiedGib: number | null
  readonly peerCopiedGib: number | null
  /** Processor time of rebalancing, where a case is of both tasks. */
  readonly rebalanceSeconds?: number | null
  readonly peerRebalanceSeconds?: number | null
  readonly goals: readonly Goal[]
  readonly notes: readonly string[]
}

/** A row as the result file has it. */
export function toJson({ task, case: name, ours, peer, bound, goals, notes }: Row): CaseJson {
  return {
    ...{ case: name, task },
    placed: ours.placed ?? null,
    peerPlaced: peer.placed ?? null,
    bound: bound ?? null,
    seconds: secondsOf(ours),
    peerSeconds: secondsOf(peer),
    score: ours.score ?? null,
    peerScore: peer.score ?? null,
    moves: ours.moves ?? null,
    peerMoves: peer.moves ?? null,
    copiedGib: ours.copiedGib ?? null,
    peerCopiedGib: peer.copiedGib ?? null,
    ...{ goals, notes },
  }
}

/**
 * One case per file: what fits and in what time is that of filling; scores, moves and bytes are
 * those of rebalancing where that was run.
 */
export function byFile(cases: readonly CaseJson[]): CaseJson[] {
  const files = new Map<string, CaseJson>()
  for (const one of cases) {
    const before = files.get(one.case)
    files.set(one.case, before ? joined(before, one) : one)
  }
  return [...files.values()]
}

function joined(filled: CaseJson, balanced: CaseJson): CaseJson {
  const { copiedGib, moves, peerCopiedGib, peerMoves, peerScore, peerSeconds, score, seconds } =
    balanced
  const both = score !== null && peerScore !== null
  return {
    ...filled,
    task: `${filled.task}, ${balanced.task}`,
    ...(both && { score, peerScore }),
    ...{ moves, peerMoves, copiedGib, peerCopiedGib },
    ...{ rebalanceSeconds: seconds, peerRebalanceSeconds: peerSeconds },
    goals: [...filled.goals, ...balanced.goals],
    notes: [...filled.notes, ...balanced.notes],
  }
}

function secondsOf({ cost }: Side): number | null {
  return cost === undefined ? null : (cost.cpuSeconds ?? cost.wallSeconds)
}

const COLUMNS: readonly (readonly [string, number])[] = [
  ['case', 22],
  ['placed', 8],
  ['peer', 8],
  ['bound', 8],
  ['CPU s', 9],
  ['peer', 9],
  ['MiB', 6],
  ['peer', 6],
  ['score', 11],
  ['peer', 11],
  ['moves', 6],
  ['peer', 6],
  ['GiB', 7],
  ['peer', 7],
]

/** The names of the columns. */
export function printHead(title: string): void {
  process.stdout.write(`\n${title}\n${line(COLUMNS.map(([name]) => name))}\n`)
}

/** A row, its goals and its notes. */
export function printRow({ case: name, ours, peer, bound, goals, notes }: Row): void {
  const both = (figure: (side: Side) => string) => [figure(ours), figure(peer)]
  const cells = [
    name,
    ...both(({ placed }) => show(placed, 0)),
    show(bound, 0),
    ...both((side) => show(secondsOf(side) ?? undefined, 2)),
    ...both(({ cost }) => show(cost?.peakMib, 0)),
    ...both(({ score }) => show(score, 5)),
    ...both(({ moves }) => show(moves, 0)),
    ...both(({ copiedGib }) => show(copiedGib, 0)),
  ]
  process.stdout.write(`${line(cells)}\n`)
  for (const { what, reached, goal, met } of goals)
    print(`  ${what}`, `${reached.padEnd(14)} goal ${goal.padEnd(12)} ${met ? 'ok' : 'MISS'}`)
  for (const note of notes) process.stdout.write(`  ${note}\n`)
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, at) => (at === 0 ? cell.padEnd(COLUMNS[0]![1]) : cell.padStart(COLUMNS[at]![1])))
    .join(' ')
}

function show(value: number | undefined, digits: number): string {
  return value === undefined ? '-' : value.toFixed(digits)
}

/** A goal for a share, both in percent. */
export function shareGoal(what: string, reached: number, least: number): Goal {
  return {
    what,
    reached: `${(reached * 100).toFixed(2)} %`,
    goal: `≥ ${(least * 100).toFixed(1)} %`,
    met: reached >= least,
  }
}

/** A goal that a figure stays below a limit. */
export function limitGoal(what: string, value: number, most: number, unit: string): Goal {
  return {
    what,
    reached: `${value.toPrecision(4)} ${unit}`,
    goal: `≤ ${most} ${unit}`,
    met: value <= most,
  }
}
