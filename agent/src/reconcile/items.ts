/**
 * The items of the host as they are reported. An item is replaced only by one that says something
 * else, and numbers that move by themselves (free space, allocated space) say something else only
 * once they have moved far enough: an idle host reports nothing.
 */
import type { ObservedPool, ObservedReplica, ObservedSnapshot } from '@keelson/shared/model'

/** Items by uid; see `ObservedItems` of the session room. */
export interface ItemBook {
  readonly appliedGeneration: number
  readonly pools: ReadonlyMap<string, ObservedPool>
  readonly replicas: ReadonlyMap<string, ObservedReplica>
  readonly snapshots: ReadonlyMap<string, ObservedSnapshot>
  /** Replaces everything; true when anything changed. */
  update(next: {
    readonly appliedGeneration: number
    readonly pools: readonly ObservedPool[]
    readonly replicas: readonly ObservedReplica[]
    readonly snapshots: readonly ObservedSnapshot[]
  }): boolean
}

/** Longer messages are cut: a report must fit a message. */
const MESSAGE_CHARACTERS = 1_000
const ORPHANS_SHOWN = 50
/** Movements of free space below this part of the whole are no news. */
const FREE_PART = 0.01
/** Movements of allocated space below this and the part above are no news. */
const ALLOCATED_BYTES = 16 * 2 ** 20

/** A book with nothing in it. */
export function createItemBook(): ItemBook {
  const pools = new Map<string, ObservedPool>()
  const replicas = new Map<string, ObservedReplica>()
  const snapshots = new Map<string, ObservedSnapshot>()
  let appliedGeneration = 0
  return {
    get appliedGeneration() {
      return appliedGeneration
    },
    pools,
    replicas,
    snapshots,
    update(next) {
      const moved = next.appliedGeneration !== appliedGeneration
      appliedGeneration = next.appliedGeneration
      const changes = [
        replaceAll(pools, next.pools.map(boundedPool), ({ uid }) => uid, steadyPool),
        replaceAll(replicas, next.replicas, ({ volumeUid }) => volumeUid, steadyAllocation),
        replaceAll(snapshots, next.snapshots, ({ uid }) => uid, steadyAllocation),
      ]
      return moved || changes.includes(true)
    },
  }
}

function replaceAll<T extends { readonly message: string }>(
  map: Map<string, T>,
  items: readonly T[],
  uidOf: (item: T) => string,
  steady: (before: T, now: T) => T,
): boolean {
  let changed = false
  const named = new Set<string>()
  for (const item of items) {
    const uid = uidOf(item)
    named.add(uid)
    const bounded = { ...item, message: cut(item.message) }
    const before = map.get(uid)
    const now = before === undefined ? bounded : steady(before, bounded)
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(now)) continue
    map.set(uid, now)
    changed = true
  }
  for (const uid of map.keys())
    if (!named.has(uid)) {
      map.delete(uid)
      changed = true
    }
  return changed
}

function cut(message: string): string {
  if (message.length <= MESSAGE_CHARACTERS) return message
  return `${message.slice(0, MESSAGE_CHARACTERS - 1).toWellFormed()}…`
}

function boundedPool(pool: ObservedPool): ObservedPool {
  const left = pool.orphans.length - ORPHANS_SHOWN
  if (left <= 0) return pool
  return { ...pool, orphans: [...pool.orphans.slice(0, ORPHANS_SHOWN), `and ${left} more`] }
}

function steadyPool(before: ObservedPool, now: ObservedPool): ObservedPool {
  const { freeBytes } = now
  const small = Math.abs(freeBytes - before.freeBytes) < now.totalBytes * FREE_PART
  const sameRoom = before.totalBytes === now.totalBytes && before.phase === now.phase && small
  return { ...now, freeBytes: sameRoom ? before.freeBytes : freeBytes }
}

function steadyAllocation<
  T extends { readonly sizeBytes: number; readonly allocatedBytes: number },
>(before: T, now: T): T {
  const movedBytes = Math.abs(now.allocatedBytes - before.allocatedBytes)
  const news = movedBytes >= Math.max(ALLOCATED_BYTES, now.sizeBytes * FREE_PART)
  if (news || before.sizeBytes !== now.sizeBytes) return now
  return { ...now, allocatedBytes: before.allocatedBytes }
}
