/** Replicas of a volume as they begin, and room for what grows or is copied in a pool. */
import { KeelsonError } from '@keelson/shared/errors'
import type { Replica } from '@keelson/shared/model'
import { formatSize, isDiskful } from '@keelson/shared/model'
import { promisableBytes } from '../placement/index.ts'
import { type HostIndex, poolId, type StateView } from '../state/index.ts'

/** A pool of a host. */
export interface Place {
  readonly node: string
  readonly pool: string
}

/** Lowest DRBD minor handed out; lower ones are left to resources made by hand. */
const FIRST_MINOR = 1000
/** Lowest DRBD port handed out. */
const FIRST_PORT = 7000

/** Where DRBD's numbers that are taken are known. */
export interface TakenNumbers {
  readonly hosts: Pick<HostIndex, 'minorsOn' | 'portsOn'>
}

/** The numbers taken in a state and by replicas that are to be made with it. */
export function numbersBeside({ hosts }: StateView, made: readonly Replica[]): TakenNumbers {
  const on = (node: string) => made.filter((replica) => replica.node === node)
  const also = (known: ReadonlySet<number>, more: readonly (number | undefined)[]) =>
    new Set([...known, ...more.flatMap((number) => number ?? [])])
  return {
    hosts: {
      minorsOn: (node) =>
        also(
          hosts.minorsOn(node),
          on(node).map((one) => one.drbdMinor),
        ),
      portsOn: (node) =>
        also(
          hosts.portsOn(node),
          on(node).map((one) => one.drbdPort),
        ),
    },
  }
}

/**
 * Diskful replicas in these places, not made yet, and a tie-breaker if a host is named for it; with
 * DRBD's numbers if there are several.
 */
export function newReplicas(
  state: TakenNumbers,
  places: readonly Place[],
  tieBreaker: string,
): Replica[] {
  const replicated = places.length > 1
  const replicas = places.map((place, id) => newReplica(state, place, replicated ? id : undefined))
  return tieBreaker === ''
    ? replicas
    : [...replicas, newTieBreaker(state, tieBreaker, places.length)]
}

/** A vote on this host, without a pool, not there yet. */
export function newTieBreaker(state: TakenNumbers, node: string, drbdNodeId: number): Replica {
  return { ...newReplica(state, { node, pool: '' }, drbdNodeId), role: 'TieBreaker' }
}

/** "n1/p, n2/p, tie-breaker on n3". */
export function whereAre(replicas: readonly Replica[]): string {
  return replicas
    .map((replica) =>
      isDiskful(replica) ? `${replica.node}/${replica.pool}` : `tie-breaker on ${replica.node}`,
    )
    .join(', ')
}

/** A replica in this place, not made yet; with DRBD's numbers if it gets a node id. */
export function newReplica(state: TakenNumbers, place: Place, drbdNodeId?: number): Replica {
  const { node, pool } = place
  return {
    node,
    pool,
    role: 'Diskful',
    phase: 'Pending',
    devicePath: '',
    kernelDevice: '',
    allocatedBytes: 0,
    sizeBytes: 0,
    message: '',
    ...(drbdNodeId !== undefined && {
      drbdNodeId,
      drbdMinor: firstFree(state.hosts.minorsOn(node), FIRST_MINOR),
      drbdPort: firstFree(state.hosts.portsOn(node), FIRST_PORT),
    }),
  }
}

/** The lowest number not taken. */
export function firstFree(taken: ReadonlySet<number>, from: number): number {
  let number = from
  while (taken.has(number)) number++
  return number
}

/** Room for a whole copy of `sizeBytes` in the pool; RESOURCE_EXHAUSTED with numbers if not. */
export function requireRoom(state: StateView, place: Place, sizeBytes: number): void {
  requirePromise(state, place, sizeBytes, 'has no room', `up to ${formatSize(sizeBytes)}`)
}

/** Room for a replica in the pool to grow; RESOURCE_EXHAUSTED with numbers if not. */
export function requireGrowth(state: StateView, place: Place, growthBytes: number): void {
  const needs = `${formatSize(growthBytes)} more`
  requirePromise(state, place, growthBytes, 'cannot grow the replica', needs)
}

function requirePromise(
  state: StateView,
  { node, pool }: Place,
  bytes: number,
  problem: string,
  needs: string,
): void {
  const candidate = state.hosts.candidate(poolId(node, pool))
  const available = candidate ? promisableBytes(candidate) : 0
  if (bytes <= available) return
  const left = formatSize(Math.max(0, available))
  throw new KeelsonError(
    'RESOURCE_EXHAUSTED',
    `pool ${node}/${pool} ${problem}: needs ${needs}, ${left} can be promised`,
    { reason: 'not-placeable' },
  )
}
