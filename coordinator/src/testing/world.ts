/**
 * A cluster small enough to think about: a state, a clock that goes on by one second per command,
 * and ids that come from the name of what they are for, so that a command more in a script does not
 * change what all later ones print. Every command is followed by a check of all invariants.
 */
import { assert } from '@keelson/shared/errors'
import {
  type Command,
  type CommandOf,
  type Decision,
  decide,
  type Outcome,
  type Stamp,
} from '../decide/index.ts'
import {
  type ClusterState,
  checkInvariants,
  createClusterState,
  type StateView,
} from '../state/index.ts'

/** The fields of a command besides what the world adds. */
export type Fields<T extends Command['type']> = Omit<CommandOf<T>, 'type' | 'stamp'>

/** Time and fresh ids, the same in every run. */
export interface Stamps {
  /** The time of the next command. */
  now(): number
  advance(durationMs: number): void
  /** A stamp for a command about `subject`. */
  stamp(subject: string, actor?: string): Stamp
}

/** What commands are made from: a state to look at, and stamps. */
export interface Scene extends Stamps {
  readonly state: StateView
}

/** A state with everything around it that a command needs. */
export interface World extends Scene {
  readonly state: ClusterState
  /** Decides, applies and checks; raises what the decision raises, and for a broken invariant. */
  decide(command: Command): Decision
  /** The same for a command of its parts. */
  run<T extends Command['type']>(type: T, subject: string, fields: Fields<T>): Outcome
}

/** When the world begins. */
export const WORLD_BEGINS = Date.UTC(2026, 0, 1)

/** Stamps that begin at `WORLD_BEGINS`. */
export function createStamps(): Stamps {
  const used = new Map<string, number>()
  let now = WORLD_BEGINS
  return {
    now: () => now,
    advance(durationMs) {
      now += durationMs
    },
    stamp(subject, actor = 'user/ada') {
      const count = (used.get(subject) ?? 0) + 1
      used.set(subject, count)
      return { now, actor, uid: uidFor(`${subject}#${count}`) }
    },
  }
}

/** The command that gives a cluster its id, "c1". */
export function initializeCluster(scene: Scene): Command {
  const authority = { certificatePem: 'certificate', privateKeyPem: 'key' }
  return { type: 'InitializeCluster', stamp: scene.stamp('cluster'), clusterId: 'c1', authority }
}

/** A command of its parts, stamped for its type and subject. */
export function made<T extends Command['type']>(
  scene: Scene,
  type: T,
  subject: string,
  fields: Fields<T>,
): Command {
  return { type, stamp: scene.stamp(`${type} ${subject}`), ...fields } as unknown as Command
}

/** A world with a cluster and nothing in it. */
export function createWorld(): World {
  const state = createClusterState()
  const world: World = {
    state,
    ...createStamps(),
    decide(command) {
      const decision = decide(state, command)
      if (!command.dryRun && decision.writes.length > 0)
        state.apply(decision.writes, state.revision + 1)
      world.advance(1_000)
      const broken = checkInvariants(state)
      assert(broken.length === 0, `${command.type} breaks ${JSON.stringify(broken)}`)
      return decision
    },
    run(type, subject, fields) {
      const command = { type, stamp: world.stamp(subject), ...fields } as unknown as Command
      return world.decide(command).outcome
    },
  }
  world.decide(initializeCluster(world))
  return world
}

/** The same text gives the same id; two texts of one test hardly ever do (32 bits of FNV-1a). */
function uidFor(text: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return `${(hash >>> 0).toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`
}
