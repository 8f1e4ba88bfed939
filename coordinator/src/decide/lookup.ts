/** Finding what a command names, or saying clearly that it is not there. */
import { KeelsonError } from '@keelson/shared/errors'
import type { Node, ObjectMeta, StoragePool, VirtualMachine, Volume } from '@keelson/shared/model'
import type { StateView } from '../state/index.ts'
import { poolId } from '../state/index.ts'
import type { Stamp } from './command.ts'

/** The value, or NOT_FOUND: `node "n1" does not exist`. */
export function found<T>(value: T | undefined, kind: string, name: string): T {
  if (value !== undefined) return value
  throw new KeelsonError('NOT_FOUND', `${kind} "${name}" does not exist`)
}

/** The host of that name. */
export function findNode(state: StateView, name: string): Node {
  return found(state.nodes.get(name), 'node', name)
}

/** The volume of that name. */
export function findVolume(state: StateView, name: string): Volume {
  return found(state.volumes.get(name), 'volume', name)
}

/** The machine of that name. */
export function findMachine(state: StateView, name: string): VirtualMachine {
  return found(state.virtualMachines.get(name), 'machine', name)
}

/**
 * The pool of that name on that host; without a host, the only one of the name.
 * Raises NOT_FOUND, or INVALID_ARGUMENT listing the hosts when the name is ambiguous.
 */
export function findPool(state: StateView, name: string, node: string): StoragePool {
  if (node !== '') {
    findNode(state, node)
    return found(state.pools.get(poolId(node, name)), 'pool', `${node}/${name}`)
  }
  const matches = [...state.pools.values()].filter((pool) => pool.meta.name === name)
  if (matches.length <= 1) return found(matches[0], 'pool', name)
  const nodes = matches.map((pool) => pool.spec.node)
  throw new KeelsonError(
    'INVALID_ARGUMENT',
    `pool "${name}" exists on ${nodes.length} nodes; name one with --node`,
    { details: [`nodes: ${nodes.slice(0, 20).join(', ')}${nodes.length > 20 ? ', …' : ''}`] },
  )
}

/** Meta of a resource created now; it is the operator's if `tenant` is empty. */
export function newMeta(
  name: string,
  labels: Readonly<Record<string, string>>,
  stamp: Stamp,
  tenant = '',
): ObjectMeta {
  const { uid, now } = stamp
  const owner = tenant === '' ? {} : { tenant }
  return { name, uid, ...owner, labels, generation: 1, resourceVersion: 0, createdAt: now }
}

/** ALREADY_EXISTS for a name that is taken by something with other parameters. */
export function conflicting(kind: string, name: string, differences: readonly string[]): never {
  throw new KeelsonError(
    'ALREADY_EXISTS',
    `${kind} "${name}" exists with other parameters: ${differences.join('; ')}`,
  )
}

/** FAILED_PRECONDITION for a name that is on its way out. */
export function stillDeleting(kind: string, name: string): never {
  throw new KeelsonError('FAILED_PRECONDITION', `${kind} "${name}" is being deleted`, {
    reason: 'deleting',
  })
}

/** "size: 1, asked for 2" for every field of `wanted` that differs from `existing`. */
export function differences<T extends object>(existing: T, wanted: T): string[] {
  const keys = Object.keys(wanted) as (keyof T & string)[]
  return keys
    .filter((key) => JSON.stringify(existing[key]) !== JSON.stringify(wanted[key]))
    .map((key) => `${key} is ${show(existing[key])}, asked for ${show(wanted[key])}`)
}

function show(value: unknown): string {
  return value === '' || value === undefined ? 'unset' : JSON.stringify(value)
}
