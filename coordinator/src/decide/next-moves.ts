/**
 * Which moves of a rebalance may begin by now. Pure, and about order, limits and sense only:
 * whether a move still keeps every rule is asked of the decision that makes it, when it is made.
 */
import { formatSize, type Move, type MoveStatus, RACK_LABEL } from '@keelson/shared/model'
import { fleetView } from '../placement/index.ts'
import type { RebalanceRecord, StateView } from '../state/index.ts'
import { bandwidthAt, payOff } from './bandwidth.ts'

/** A move with what holds it. */
export interface HeldMove {
  readonly number: number
  /** One sentence with numbers. */
  readonly why: string
}

/** What becomes of the moves that wait. */
export interface NextMoves {
  /** In order; all of them together keep the limits. */
  readonly start: readonly Move[]
  readonly waiting: readonly HeldMove[]
  /** They have become pointless. */
  readonly skip: readonly HeldMove[]
}

/** Judges every move that waits. */
export function nextMoves(state: StateView, rebalance: RebalanceRecord, now: number): NextMoves {
  const { moves, plan } = rebalance
  const statuses = new Map(moves.map((status) => [status.number, status]))
  const limits = createLimits(state, rebalance, now)
  const start: Move[] = []
  const waiting: HeldMove[] = []
  const skip: HeldMove[] = []
  for (const move of plan.moves) {
    const { number } = move
    if (statuses.get(number)?.phase !== 'Waiting') continue
    const before = whyBefore(move, statuses)
    // What comes before may bring it where this move begins.
    const pointless = before === undefined ? whyPointless(state, rebalance, move) : undefined
    if (pointless !== undefined) {
      skip.push({ number, why: pointless })
      continue
    }
    const why = before ?? whyUnderWay(state, move) ?? limits.refuse(move)
    if (why !== undefined) waiting.push({ number, why })
    else {
      limits.take(move)
      start.push(move)
    }
  }
  return { start, waiting, skip }
}

const ENDED: ReadonlySet<MoveStatus['phase']> = new Set(['Done', 'Skipped', 'Failed'])

function whyBefore({ after }: Move, statuses: ReadonlyMap<number, MoveStatus>): string | undefined {
  const open = after.filter((number) => !ENDED.has(statuses.get(number)?.phase ?? 'Done'))
  if (open.length === 0) return undefined
  return `waits for move${open.length > 1 ? 's' : ''} ${open.slice(0, 5).join(', ')}`
}

/** One replica of a volume moves at a time, whoever asked for it. */
function whyUnderWay(state: StateView, move: Move): string | undefined {
  if (move.kind !== 'Replica') return undefined
  const other = state.volumes.get(nameOf(move))?.status.move
  return other && `its replica on ${other.fromNode} is on its way to ${other.toNode}`
}

/** Why a move gains nothing any more, if it does not. */
function whyPointless(state: StateView, { plan }: RebalanceRecord, move: Move): string | undefined {
  const { fromNode, kind, subject, toNode } = move
  const name = nameOf(move)
  if (kind === 'AddReplica') return 'a rebalance adds no replicas'
  if (kind === 'Replica') {
    const volume = state.volumes.get(name)
    if (!volume || volume.meta.deletionRequestedAt !== undefined) return `${subject} is gone`
    const on = (node: string) => volume.status.replicas.some((replica) => replica.node === node)
    if (!on(fromNode)) return `${subject} has no replica on ${fromNode} any more`
    if (on(toNode)) return `${subject} has a replica on ${toNode} by now`
    if (volume.spec.rules?.pinned) return `${subject} is pinned by now`
  } else {
    const machine = state.virtualMachines.get(name)
    if (!machine) return `${subject} is gone`
    if (machine.status.node !== fromNode) return `${subject} is not on ${fromNode} any more`
    if (machine.spec.rules.pinned) return `${subject} is pinned by now`
  }
  return plan.objective === 'Spread' && move.gain > 0 ? whyNoGain(state, move) : undefined
}

/**
 * A move from a host to one that is fuller by now makes them less equal. Where room is kept for
 * standbys it may still be of use, so there the plan is trusted.
 */
function whyNoGain(state: StateView, { fromNode, kind, toNode }: Move): string | undefined {
  const { fleet } = fleetView(state)
  const from = fleet.hostRow(fromNode)
  const to = fleet.hostRow(toNode)
  if (from < 0 || to < 0 || fleet.columns.some(({ standby }) => standby)) return undefined
  const column =
    ({ capacity, used }: (typeof fleet.columns)[number]) =>
    (host: number) =>
      used[host]! / capacity[host]!
  const storage = (host: number) => {
    const sum = (of: Float64Array) =>
      fleet.poolsOf(host).reduce((bytes, pool) => bytes + of[pool]!, 0)
    return sum(fleet.poolPromised) / sum(fleet.poolCapacity)
  }
  const [memory, cpu] = [column(fleet.columns[0]!), column(fleet.columns[1]!)]
  const shares = kind === 'Replica' ? { storage } : { memory, cpu }
  const fuller = Object.entries(shares).filter(([, share]) => share(to) > share(from))
  if (fuller.length < Object.keys(shares).length) return undefined
  const percent = (part: number) => `${(part * 100).toFixed(1)} %`
  const told = fuller.map(
    ([what, share]) =>
      `${percent(share(to))} of its ${what} taken, ${fromNode} ${percent(share(from))}`,
  )
  return `${toNode} has ${told.join(' and ')} by now`
}

/** Name of what moves: "volume/data" is data. */
export function nameOf({ subject }: Pick<Move, 'subject'>): string {
  return subject.slice(subject.indexOf('/') + 1)
}

/** The limits, counting what is under way already, by whomever. */
function createLimits(state: StateView, { limits, owed }: RebalanceRecord, now: number) {
  const { movesPerDomain, movesPerNode } = limits
  const label = limits.failureDomain || RACK_LABEL
  const counts = new Map<string, number>()
  const keysOf = (node: string) => {
    const domain = state.nodes.get(node)?.meta.labels[label]
    const host = { key: `node ${node}`, name: node, most: movesPerNode }
    if (domain === undefined) return [host]
    const name = `${label.slice(label.lastIndexOf('/') + 1)} ${domain}`
    return [host, { key: `domain ${domain}`, name, most: movesPerDomain }]
  }
  /** From and to the same domain is one move there. */
  const touched = (fromNode: string, toNode: string) => [
    ...new Map([...keysOf(fromNode), ...keysOf(toNode)].map((one) => [one.key, one])).values(),
  ]
  const take = (fromNode: string, toNode: string) => {
    for (const { key } of touched(fromNode, toNode)) counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  for (const { kind, phase, subject } of state.operations.values()) {
    if (kind !== 'VolumeMove' || phase !== 'Running') continue
    const move = state.volumes.get(nameOf({ subject }))?.status.move
    if (move) take(move.fromNode, move.toNode)
  }
  let owing = payOff(owed, limits, now).bytes

  return {
    /** Why a move has to wait; undefined if it may begin. */
    refuse(move: Move): string | undefined {
      const { fromNode, toNode } = move
      const full = touched(fromNode, toNode).find(({ key, most }) => (counts.get(key) ?? 0) >= most)
      if (full) return `${full.name} has ${counts.get(full.key)} of at most ${full.most} moves`
      if (!copies(move)) return undefined
      const rate = bandwidthAt(limits, now)
      if (rate === 0) return 'no bandwidth at this time of day'
      if (owing === 0 || rate === Number.POSITIVE_INFINITY) return undefined
      return `${formatSize(owing)} of earlier moves are not paid off yet at ${formatSize(rate)}/s`
    },
    take(move: Move): void {
      take(move.fromNode, move.toNode)
      if (copies(move) && bandwidthAt(limits, now) !== Number.POSITIVE_INFINITY)
        owing += move.copiedBytes
    },
  }
}

/** Whether a move copies volumes; what a machine takes along is its memory. */
function copies({ kind }: Move): boolean {
  return kind === 'Replica'
}
