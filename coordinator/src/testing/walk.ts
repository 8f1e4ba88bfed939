/**
 * Random walks: sequences of things people, hosts and controllers do to a small cluster. An action
 * is plain data, so that a failing walk shrinks to a few lines one can read; what it means in a
 * state stands in `walk-commands.ts`.
 */
import type { RunPolicy, StoragePoolKind } from '@keelson/shared/model'
import fc from 'fast-check'

/** Names a walk draws from: few, so that actions meet. */
export const NODES = ['n0', 'n1', 'n2', 'n3', 'n4'] as const
/** See `NODES`. */
export const VOLUMES = ['v0', 'v1', 'v2', 'v3', 'v4'] as const
/** See `NODES`. */
export const CLASSES = ['different', 'same', 'prefer'] as const
const SNAPSHOTS = ['s0', 's1', 's2'] as const
const POOLS = ['p0', 'p1'] as const
const MACHINES = ['m0', 'm1', 'm2', 'm3'] as const

/** One thing that happens. */
export type Action = {
  readonly [K in keyof Actions]: { readonly does: K } & Actions[K]
}[keyof Actions]

type Node = (typeof NODES)[number]
type Pool = (typeof POOLS)[number]

interface Actions {
  createVolume: {
    readonly volume: string
    readonly sizeGib: number
    readonly replicas: number
    readonly storageClass: string
    readonly nodes: readonly Node[]
  }
  resizeVolume: { readonly volume: string; readonly growthGib: number }
  /** The replica at that position, counted round; to a drawn host or wherever it fits. */
  moveReplica: { readonly volume: string; readonly position: number; readonly to: Node | '' }
  deleteVolume: { readonly volume: string }
  createSnapshot: { readonly snapshot: string; readonly volume: string }
  restoreSnapshot: {
    readonly snapshot: string
    readonly volume: string
    readonly growthGib: number
  }
  deleteSnapshot: { readonly snapshot: string }
  cancelOperation: { readonly index: number }
  createMachine: {
    readonly machine: string
    readonly vcpus: number
    readonly memoryGib: number
    /** Replicas of each new volume. */
    readonly made: readonly number[]
    readonly volumes: readonly string[]
    readonly readOnly: boolean
    readonly keep: boolean
    readonly halted: boolean
    readonly apartFrom: readonly string[]
    /** Whether a plan is made first. */
    readonly planned: boolean
  }
  updateMachine: {
    readonly machine: string
    /** 0 leaves the compute demand. */
    readonly vcpus: number
    readonly runPolicy: RunPolicy
    readonly volumes: readonly string[]
  }
  moveMachine: { readonly machine: string; readonly to: Node | '' }
  deleteMachine: { readonly machine: string; readonly keepVolumes: boolean }
  createPool: { readonly node: Node; readonly pool: Pool; readonly kind: StoragePoolKind }
  deletePool: { readonly node: Node; readonly pool: Pool }
  createClass: { readonly storageClass: string }
  deleteClass: { readonly storageClass: string }
  enroll: { readonly node: Node }
  hello: { readonly node: Node; readonly ledger: number }
  silence: { readonly node: Node }
  cordon: { readonly node: Node; readonly schedulable: boolean }
  label: { readonly node: Node; readonly rack: string }
  deleteNode: { readonly node: Node }
  /** The host has done everything it was told. */
  report: { readonly node: Node }
  /** Every host is there and has done everything it was told. */
  reportAll: object
  /** The host reports odd things; `oddness` says which. */
  reportOdd: { readonly node: Node; readonly oddness: readonly number[] }
  refresh: object
  refreshMachines: object
  prune: { readonly keepEvents: number; readonly keepOperations: number }
}

const node = fc.constantFrom(...NODES)
const volume = fc.constantFrom(...VOLUMES)
const snapshot = fc.constantFrom(...SNAPSHOTS)
const pool = fc.constantFrom(...POOLS)
const machine = fc.constantFrom(...MACHINES)
const storageClass = fc.constantFrom(...CLASSES)
const rarely = <T>(arbitrary: fc.Arbitrary<T>, usually: T) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usually) }, { weight: 1, arbitrary })

function action<K extends keyof Actions>(
  weight: number,
  does: K,
  fields: { readonly [F in keyof Actions[K]]: fc.Arbitrary<Actions[K][F]> },
) {
  const arbitrary = fc.record({ does: fc.constant(does), ...fields })
  return { weight, arbitrary: arbitrary as unknown as fc.Arbitrary<Action> }
}

const anyAction: fc.Arbitrary<Action> = fc.oneof(
  action(8, 'createVolume', {
    volume,
    sizeGib: fc.integer({ min: 1, max: 3 }),
    replicas: fc.integer({ min: 0, max: 3 }),
    storageClass: rarely(storageClass, ''),
    nodes: rarely(fc.uniqueArray(node), []),
  }),
  action(8, 'report', { node }),
  action(6, 'reportAll', {}),
  action(3, 'reportOdd', { node, oddness: fc.array(fc.nat(255), { maxLength: 4 }) }),
  action(4, 'resizeVolume', { volume, growthGib: fc.integer({ min: -1, max: 2 }) }),
  action(5, 'moveReplica', { volume, position: fc.nat(3), to: rarely(node, '') }),
  action(3, 'deleteVolume', { volume }),
  action(5, 'createSnapshot', { snapshot, volume }),
  action(5, 'restoreSnapshot', { snapshot, volume, growthGib: fc.integer({ min: -1, max: 1 }) }),
  action(2, 'deleteSnapshot', { snapshot }),
  action(3, 'cancelOperation', { index: fc.nat(20) }),
  action(5, 'createMachine', {
    machine,
    vcpus: fc.integer({ min: 1, max: 6 }),
    memoryGib: fc.integer({ min: 1, max: 4 }),
    made: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
    volumes: rarely(fc.uniqueArray(volume, { maxLength: 2 }), []),
    readOnly: fc.boolean(),
    keep: fc.boolean(),
    halted: rarely(fc.constant(true), false),
    apartFrom: rarely(fc.uniqueArray(machine, { minLength: 1, maxLength: 2 }), []),
    planned: fc.boolean(),
  }),
  action(4, 'updateMachine', {
    machine,
    vcpus: rarely(fc.integer({ min: 1, max: 6 }), 0),
    runPolicy: fc.constantFrom<RunPolicy>('Always', 'Halted', 'Manual'),
    volumes: rarely(fc.uniqueArray(volume, { maxLength: 2 }), []),
  }),
  action(3, 'moveMachine', { machine, to: rarely(node, '') }),
  action(3, 'deleteMachine', { machine, keepVolumes: fc.boolean() }),
  action(1, 'createPool', {
    node,
    pool,
    kind: fc.constantFrom<StoragePoolKind>('FILE', 'FILE_THIN'),
  }),
  action(1, 'deletePool', { node, pool }),
  action(2, 'createClass', { storageClass }),
  action(1, 'deleteClass', { storageClass }),
  action(1, 'enroll', { node }),
  action(1, 'hello', { node, ledger: rarely(fc.nat(60), 0) }),
  action(1, 'silence', { node }),
  action(1, 'cordon', { node, schedulable: rarely(fc.constant(false), true) }),
  action(1, 'label', { node, rack: fc.constantFrom('r0', 'r1', 'r2') }),
  action(1, 'deleteNode', { node }),
  action(1, 'refresh', {}),
  action(1, 'refreshMachines', {}),
  action(1, 'prune', { keepEvents: fc.nat(40), keepOperations: fc.nat(4) }),
)

/** A walk of up to `maxLength` actions. */
export function walks(maxLength: number): fc.Arbitrary<Action[]> {
  return fc.array(anyAction, { maxLength, size: 'max' })
}

/**
 * How a property of walks is checked: always the same walks, so that a suite that was green stays
 * green until the code changes. FC_SEED in the environment goes other ways.
 */
export function runs(numRuns: number): { readonly numRuns: number; readonly seed: number } {
  return { numRuns, seed: Number(process.env.FC_SEED ?? 1) }
}
