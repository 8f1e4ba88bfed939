/** Moves as they are told to those who carry them out. */
import { assert } from '@keelson/shared/errors'
import { type Fleet, MEMORY } from '../fleet/index.ts'
import { amountOf } from './counters.ts'
import type { Place, Unit } from './units.ts'

/** One move. */
export interface PlannedMove {
  /** Counts from 1. */
  readonly number: number
  /**
   * Counts from 1. Moves of one step belong together: the volumes of a machine that has to stay
   * with all of them go in one step, which adds every new replica before it drops an old one.
   */
  readonly step: number
  /** A machine goes to another host, a replica to another pool, or only a standby elsewhere. */
  readonly kind: 'Migrate' | 'Replica' | 'Standby'
  /** Name of the machine (Migrate, Standby) or the volume (Replica). */
  readonly subject: string
  /** Host rows; of the standby (-1: none) if only that changes. */
  readonly fromHost: number
  readonly toHost: number
  /** Pool rows of a replica. */
  readonly fromPool?: number
  readonly toPool?: number
  /** A machine whose standby changes at the end of the move, and its new host row (-1: none). */
  readonly standby?: { readonly machine: string; readonly host: number }
  /** Bytes of volumes to copy. */
  readonly copiedBytes: number
  /** Memory to copy, in bytes. */
  readonly memoryBytes: number
  /** What its step takes off the score; 0 for all but the last move of a step. */
  readonly gain: number
  /** Weighted share of each term of the objective after its step. */
  readonly after: readonly number[]
}

/** One step of a unit. */
export interface Step {
  readonly unit: Unit
  readonly from: Place
  readonly to: Place
  readonly copiedBytes: number
  /** Moves it consists of. */
  readonly moves: number
  /** The share of each term in the score after it. */
  readonly parts: readonly number[]
  /** The sum of the parts. */
  readonly score: number
}

type Move = Omit<PlannedMove, 'number' | 'step' | 'gain' | 'after'>

/** The moves of one step of a unit. */
export function movesOf(fleet: Fleet, unit: Unit, from: Place, to: Place): readonly Move[] {
  const { machine } = unit
  const standby =
    machine && from.standby !== to.standby
      ? { standby: { machine: machine.name, host: to.standby } }
      : {}
  if (machine && from.host !== to.host) {
    return [
      {
        kind: 'Migrate',
        subject: machine.name,
        fromHost: from.host,
        toHost: to.host,
        ...standby,
        copiedBytes: 0,
        memoryBytes: amountOf(unit, MEMORY),
      },
    ]
  }
  const replicas = replicaMoves(fleet, unit, from, to)
  const last = replicas.at(-1)
  if (last) return [...replicas.slice(0, -1), { ...last, ...standby }]
  assert(machine !== undefined, 'a step without moves')
  return [
    {
      kind: 'Standby',
      subject: machine.name,
      fromHost: from.standby,
      toHost: to.standby,
      ...standby,
      copiedBytes: 0,
      memoryBytes: 0,
    },
  ]
}

function replicaMoves({ poolHost }: Fleet, unit: Unit, from: Place, to: Place): Move[] {
  return unit.volumes.flatMap(({ name, sizeBytes }, volume) =>
    from.pools[volume]!.flatMap((fromPool, index): Move[] => {
      const toPool = to.pools[volume]![index]!
      if (toPool === fromPool) return []
      return [
        {
          kind: 'Replica',
          subject: name,
          fromHost: poolHost[fromPool]!,
          toHost: poolHost[toPool]!,
          fromPool,
          toPool,
          copiedBytes: sizeBytes,
          memoryBytes: 0,
        },
      ]
    }),
  )
}

/** Numbers the moves of steps, which began at `score`. */
export function numberMoves(fleet: Fleet, steps: readonly Step[], score: number): PlannedMove[] {
  const moves: PlannedMove[] = []
  let before = score
  for (const [index, step] of steps.entries()) {
    const parts = movesOf(fleet, step.unit, step.from, step.to)
    for (const [part, move] of parts.entries()) {
      const gain = part === parts.length - 1 ? before - step.score : 0
      moves.push({ number: moves.length + 1, step: index + 1, ...move, gain, after: step.parts })
    }
    before = step.score
  }
  return moves
}

/**
 * Counts a move in a fleet as done.
 *
 * @throws {AssertionError} its subject is not where the move begins
 */
export function applyMove(fleet: Fleet, move: PlannedMove): void {
  const { fromPool, kind, standby, subject, toPool } = move
  if (kind === 'Replica') {
    const volume = fleet.volumes.get(subject)
    const there = volume?.pools.includes(fromPool!)
    assert(volume && there, `volume ${subject} is not in pool ${fromPool}`)
    const pools = volume.pools.map((pool) => (pool === fromPool ? toPool! : pool))
    fleet.putVolume({ ...volume, pools })
  }
  if (kind === 'Migrate') {
    const machine = fleet.machines.get(subject)
    const there = machine?.host === move.fromHost
    assert(machine && there, `machine ${subject} is not on host ${move.fromHost}`)
    fleet.putMachine({ ...machine, host: move.toHost, standby: standby?.host ?? machine.standby })
  } else if (standby) {
    const machine = fleet.machines.get(standby.machine)
    assert(machine !== undefined, `machine ${standby.machine} is not in the fleet`)
    fleet.putMachine({ ...machine, standby: standby.host })
  }
}
