/**
 * Safety properties of decisions: each must hold at every step of every random walk. A walk that
 * breaks one is shrunk to the few actions that matter; paste its seed into `fc.assert` to replay.
 */
import { KeelsonError } from '@keelson/shared/errors'
import { isDiskful } from '@keelson/shared/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deriveDesiredState } from '../dispatch/index.ts'
import type { StateView } from '../state/index.ts'
import {
  type Action,
  commandsOf,
  createPopulatedWorld,
  faithfulReport,
  fingerprint,
  helloOf,
  reportOf,
  runs,
  type World,
  walks,
} from '../testing/index.ts'
import { MAXIMUM_WRITES } from './draft.ts'
import { type Command, type Decision, decide, MAXIMUM_ITEMS } from './index.ts'

/** One step of a walk, seen from a property. */
interface Step {
  readonly world: World
  readonly command: Command
  /** Undefined if the command was refused. */
  readonly decision: Decision | undefined
}

/** Looks at the state before a step; what it returns looks at the step. */
type Property = (state: StateView, command: Command) => (step: Step) => void

function walk(actions: readonly Action[], property: Property): World {
  const world = createPopulatedWorld()
  for (const action of actions)
    for (const command of commandsOf(world, action)) {
      const check = property(world.state, command)
      check({ world, command, decision: attempt(() => world.decide(command)) })
    }
  return world
}

/** The decision, or undefined for a refusal; a bug is neither. */
function attempt<T>(decision: () => T): T | undefined {
  try {
    return decision()
  } catch (error) {
    if (!(error instanceof KeelsonError)) throw error
    expect(error.code, error.message).not.toBe('INTERNAL')
    return undefined
  }
}

function places(state: StateView): Map<string, string> {
  const found = new Map<string, string>()
  for (const { meta, status } of state.volumes.values())
    for (const { node, phase } of status.replicas) found.set(`${meta.uid} ${node}`, phase)
  for (const { meta, status } of state.snapshots.values())
    for (const { node, phase } of status.replicas) found.set(`${meta.uid} ${node}`, phase)
  for (const { meta, spec, status } of state.pools.values())
    found.set(`${meta.uid} ${spec.node}`, status.phase)
  return found
}

/** Whether the host has a copy of the volume, not only a vote. */
function holdsData(state: StateView, uid: string, node: string): boolean {
  const volume = state.volumes.get(state.hosts.volumeByUid(uid) ?? '')
  return volume?.status.replicas.some((one) => one.node === node && isDiskful(one)) ?? true
}

/** A document without its number. */
function wanted(state: StateView, node: string): string {
  const { generation: _, ...document } = deriveDesiredState(state, node)
  return JSON.stringify(document)
}

const NO_REPORT = { node: '', observed: reportOf({}) }

/** Memory set aside on each host. */
function memoryTaken(state: StateView): Map<string, number> {
  const taken = new Map<string, number>()
  for (const { status } of state.virtualMachines.values())
    if (status.reserved)
      taken.set(status.node, (taken.get(status.node) ?? 0) + status.reserved.memoryBytes)
  return taken
}

/** Whether each replica and snapshot that is wanted is marked as made in its host's document. */
function marks(state: StateView): Map<string, boolean> {
  const found = new Map<string, boolean>()
  for (const node of state.nodes.sortedIds()) {
    const { replicas, snapshots } = deriveDesiredState(state, node)
    for (const item of [...replicas.map((r) => ({ ...r, uid: r.volumeUid })), ...snapshots])
      if (item.intent === 'Present') found.set(`${item.uid} ${node}`, item.provisioned)
  }
  return found
}

const PROPERTIES: Readonly<Record<string, Property>> = {
  'deciding is pure: the same twice, and the state stays as it was': (state, command) => {
    const before = fingerprint(state)
    const first = attempt(() => decide(state, command))
    const second = attempt(() => decide(state, command))
    expect(second).toEqual(first)
    expect(fingerprint(state)).toBe(before)
    return ({ decision }) => expect(decision).toEqual(first)
  },

  'a replica, snapshot or pool goes only after its deletion was asked for and its host said Absent':
    (state, command) => {
      const before = places(state)
      return ({ world }) => {
        const after = places(world.state)
        for (const [place, phase] of before) {
          if (after.has(place)) continue
          const [uid, node] = place.split(' ')
          expect(phase, place).toBe('Deleting')
          if (command.type !== 'RecordObserved') throw new Error(`${command.type} drops ${place}`)
          const { pools, replicas, snapshots } = command.observed
          const items = [
            ...pools,
            ...snapshots,
            ...replicas.map((r) => ({ ...r, uid: r.volumeUid })),
          ]
          expect(command.node).toBe(node)
          expect(items.find((item) => item.uid === uid)?.phase).toBe('Absent')
        }
      }
    },

  'what is to go is never wanted again': (state) => {
    const before = places(state)
    return ({ world }) => {
      for (const [place, phase] of places(world.state))
        if (before.get(place) === 'Deleting') expect(phase, place).toBe('Deleting')
    }
  },

  'generations only grow, and a document changes only with its generation': (state) => {
    const before = state.nodes.sortedIds().map((node) => ({
      node,
      generation: state.generations.get(node)?.generation ?? 0,
      document: wanted(state, node),
    }))
    return ({ world }) => {
      for (const { node, generation, document } of before) {
        const now = world.state.generations.get(node)?.generation ?? 0
        expect(now, node).toBeGreaterThanOrEqual(generation)
        if (wanted(world.state, node) !== document)
          expect(now, `document of ${node}`).toBeGreaterThan(generation)
      }
    }
  },

  'what a host has made is marked so in its document from then on': (state, command) => {
    const made = [...marks(state)].flatMap(([place, provisioned]) => (provisioned ? place : []))
    const { node, observed } = command.type === 'RecordObserved' ? command : NO_REPORT
    for (const { volumeUid, phase, sizeBytes } of observed.replicas)
      if (phase === 'Ready' && sizeBytes > 0 && holdsData(state, volumeUid, node))
        made.push(`${volumeUid} ${node}`)
    for (const { uid, phase, method } of observed.snapshots)
      if (phase === 'Ready' && method !== undefined) made.push(`${uid} ${node}`)
    return ({ world }) => {
      const after = marks(world.state)
      for (const place of made) expect(after.get(place) ?? true, place).toBe(true)
    }
  },

  'names, uids, minors, ports and node ids are given once':
    () =>
    ({ world: { state } }) => {
      const volumes = [...state.volumes.values()]
      const replicas = volumes.flatMap(({ meta, status }) =>
        status.replicas.map((replica) => ({ volume: meta.uid, ...replica })),
      )
      const once = (what: string, keys: readonly unknown[]) =>
        expect(new Set(keys).size, what).toBe(keys.length)
      const numbered = replicas.filter((replica) => replica.drbdMinor !== undefined)
      once(
        'minors',
        numbered.map(({ node, drbdMinor }) => `${node} ${drbdMinor}`),
      )
      once(
        'ports',
        numbered.map(({ node, drbdPort }) => `${node} ${drbdPort}`),
      )
      once(
        'node ids',
        numbered.map(({ volume, drbdNodeId }) => `${volume} ${drbdNodeId}`),
      )
      once(
        'replicas',
        replicas.map(({ volume, node }) => `${volume} ${node}`),
      )
      const snapshots = [...state.snapshots.values()]
      once(
        'uids',
        [...volumes, ...snapshots, ...state.virtualMachines.values()].map(({ meta }) => meta.uid),
      )
    },

  'a volume never has fewer copies than it should: one goes only while all that stay are Ready': (
    state,
  ) => {
    const before = places(state)
    return ({ world }) => {
      for (const { meta, spec, status } of world.state.volumes.values()) {
        if (meta.deletionRequestedAt !== undefined) continue
        const all = status.replicas.filter(({ phase }) => phase !== 'Deleting')
        const kept = all.filter(isDiskful)
        expect(kept.length, meta.name).toBeGreaterThanOrEqual(spec.replicas)
        const votes = all.length - kept.length
        expect(votes, meta.name).toBeLessThanOrEqual(status.move ? 2 : 1)
        if (kept.length % 2 === 1 && !status.move) expect(votes, meta.name).toBe(0)
        const place = `${meta.uid} ${status.move?.fromNode}`
        if (before.get(place) === 'Deleting' || kept.length > spec.replicas) continue
        if (status.move === undefined) continue
        expect(new Set(kept.map(({ phase }) => phase)), meta.name).toEqual(new Set(['Ready']))
      }
    }
  },

  'no volume is wanted smaller than a host has it':
    () =>
    ({ world }) => {
      for (const { meta, spec, status } of world.state.volumes.values())
        for (const replica of status.replicas)
          expect(spec.sizeBytes, meta.name).toBeGreaterThanOrEqual(replica.sizeBytes)
    },

  'a new promise fits the pool it is made in': (state, command) => {
    const before = new Map(
      state.hosts.candidates().map(({ pool, promisedBytes }) => [pool.meta.uid, promisedBytes]),
    )
    return ({ world }) => {
      // What hosts have grown late is a fact, not a promise made.
      if (command.type === 'RecordObserved') return
      for (const { pool, promisedBytes } of world.state.hosts.candidates()) {
        if (promisedBytes <= (before.get(pool.meta.uid) ?? 0)) continue
        const limit = (pool.status.totalBytes * pool.spec.overcommitPercent) / 100
        expect(promisedBytes, pool.meta.name).toBeLessThanOrEqual(limit)
      }
    }
  },

  'machines take no more of a host than it has, and only a promise made can be more': (
    state,
    command,
  ) => {
    const before = memoryTaken(state)
    return ({ world }) => {
      for (const [node, bytes] of memoryTaken(world.state)) {
        if (bytes <= (before.get(node) ?? 0)) continue
        expect(command.type).toMatch(/VirtualMachine/)
        const { capacity } = world.state.nodes.get(node)!.status
        expect(bytes, node).toBeLessThanOrEqual(capacity?.memoryBytes ?? 0)
      }
    }
  },

  'a new volume is placed where its machine can reach it': (state) => {
    const known = new Set(state.virtualMachines.sortedIds())
    return ({ world }) => {
      for (const { meta, spec, status } of world.state.virtualMachines.values()) {
        if (known.has(meta.name) || status.node === '') continue
        for (const { source } of spec.disks) {
          if (source.type === 'Volume') continue
          const { name, spec: wanted } = source.newVolume
          const { replicas } = world.state.volumes.get(name)!.status
          expect(replicas.filter(isDiskful).length).toBe(wanted.replicas)
          if (replicas.length > 1) continue
          expect(replicas.map(({ node }) => node)).toEqual([status.node])
        }
      }
    }
  },

  'a machine keeps its place but for a move, a halt or a start': (state, command) => {
    const before = new Map(
      [...state.virtualMachines.values()].map(({ meta, status }) => [meta.uid, status.node]),
    )
    return ({ world }) => {
      for (const { meta, status } of world.state.virtualMachines.values()) {
        const node = before.get(meta.uid)
        if (node === undefined || node === status.node) continue
        expect(['MoveVirtualMachine', 'UpdateVirtualMachine']).toContain(command.type)
        if (command.type === 'UpdateVirtualMachine')
          expect(node === '' || status.node === '', meta.name).toBe(true)
      }
    }
  },

  'asking again changes nothing':
    () =>
    ({ world, command, decision }) => {
      if (!decision || !REPEATABLE.has(command.type)) return
      const again = { ...command, stamp: world.stamp('again') }
      expect(decide(world.state, again).writes).toEqual([])
    },

  'a decision fits one transaction and writes each record once':
    () =>
    ({ decision }) => {
      if (!decision) return
      const keys = decision.writes.map(({ kind, id }) => `${kind}/${id}`)
      expect(keys.length).toBeLessThanOrEqual(MAXIMUM_WRITES)
      expect(new Set(keys).size).toBe(keys.length)
    },

  'events are numbered in order, one by one': (state) => {
    const before = state.lastEventSequence
    return ({ decision }) => {
      const numbers = (decision?.writes ?? []).flatMap((write) =>
        write.kind === 'event' && write.value ? write.value.sequence : [],
      )
      expect(numbers).toEqual(numbers.map((_, index) => before + 1 + index))
    }
  },
}

/** Commands that are idempotent by name; the others answer NOT_FOUND or act again. */
const REPEATABLE: ReadonlySet<Command['type']> = new Set<Command['type']>([
  'CreateVolume',
  'CreateVirtualMachine',
  'UpdateVirtualMachine',
  'RefreshVirtualMachines',
  'ResizeVolume',
  'DeleteVolume',
  'CreateSnapshot',
  'RestoreSnapshot',
  'DeleteSnapshot',
  'CreatePool',
  'DeletePool',
  'CreateClass',
  'EnrollNode',
  'RecordHello',
  'UpdateNode',
  'SetNodePhase',
  'RecordObserved',
  'RefreshVolumes',
])

describe('at every step of every walk', () => {
  it.each(Object.entries(PROPERTIES))('%s', (_name, property) => {
    fc.assert(
      fc.property(walks(100), (actions) => void walk(actions, property)),
      runs(60),
    )
  })
})

describe('at the end of every walk', () => {
  it('hosts that do what they are told finish everything', () => {
    fc.assert(
      fc.property(walks(100), (actions) => {
        const world = walk(actions, () => () => undefined)
        settle(world)
        const { state } = world
        for (const { meta, status } of state.volumes.values())
          expect(status.phase, meta.name).toBe('Ready')
        for (const { meta, status } of state.snapshots.values())
          expect(status.phase, meta.name).toBe('Ready')
        for (const { meta, status } of state.pools.values())
          expect(status.phase, meta.name).toBe('Ready')
        for (const { meta, status } of state.virtualMachines.values())
          expect(['Starting', 'Stopped'], meta.name).toContain(status.phase)
        for (const { subject, phase } of state.operations.values())
          expect(phase, subject).not.toBe('Running')
      }),
      runs(60),
    )
  })
})

/** Every host comes back and reports, twice: the second time after what others have caused. */
function settle(world: World): void {
  const nodes = world.state.nodes.sortedIds()
  for (const node of nodes) {
    const { generation = 0 } = world.state.generations.get(node) ?? {}
    const hello = helloOf(node, { ledgerGeneration: generation })
    world.run('RecordHello', node, { hello, address: '' })
  }
  for (let round = 0; round < 2; round++)
    for (const node of nodes)
      world.run('RecordObserved', node, { node, observed: faithfulReport(world.state, node) })
  const machines = world.state.virtualMachines.sortedIds()
  world.run('RefreshVirtualMachines', 'all', { machines })
}

describe('the fullest report', () => {
  it('fits one transaction', () => {
    const world = createPopulatedWorld()
    const nodes = ['n0', 'n1', 'n2', 'n3']
    const names = Array.from({ length: MAXIMUM_ITEMS }, (_, index) => `copy-${index}`)
    const sizeBytes = 2 ** 20
    const spec = {
      sizeBytes,
      storageClass: '',
      pool: '',
      replicas: 4,
      nodes: [],
      sourceSnapshot: '',
    }
    world.run('CreateVolume', 'source', { name: 'source', labels: {}, spec })
    settle(world)
    world.run('CreateSnapshot', 'source', { name: 'source', volume: 'source', labels: {} })
    settle(world)
    for (const volume of names) {
      world.run('RestoreSnapshot', volume, { snapshot: 'source', volume, sizeBytes, labels: {} })
      world.run('ResizeVolume', volume, { name: volume, sizeBytes: 2 * sizeBytes })
    }
    const report = (node: string, reached: number) => {
      const observed = faithfulReport(world.state, node)
      const replicas = observed.replicas.map((replica) => ({ ...replica, sizeBytes: reached }))
      const command = { node, observed: { ...observed, replicas, pools: [], snapshots: [] } }
      const stamp = world.stamp(node)
      return world.decide({ type: 'RecordObserved', stamp, ...command }).writes.length
    }
    // The first three are done; the last ends restore and growth of every volume at once.
    for (const node of nodes.slice(0, 3)) report(node, 2 * sizeBytes)
    expect(report('n3', 2 * sizeBytes)).toBeGreaterThanOrEqual(6 * MAXIMUM_ITEMS)
    // Grown past what is wanted, every volume changes the documents of all its hosts.
    expect(report('n3', 3 * sizeBytes)).toBeLessThanOrEqual(MAXIMUM_WRITES)
    // With eight replicas on hosts of their own and a tie-breaker there are fourteen for each.
    expect(14 * MAXIMUM_ITEMS + 1).toBeLessThanOrEqual(MAXIMUM_WRITES)
  })
})
