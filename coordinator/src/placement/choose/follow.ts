import type { Fleet } from '../fleet/index.ts'

/**
 * A function that brings something kept by host up to date: all hosts the first time or when too
 * much has changed, otherwise those that changed since the last call.
 */
export function createFollower(fleet: Fleet, price: (host: number) => void, all: () => void) {
  const { changes, hostCount } = fleet
  let next = -1
  return (): void => {
    const { count } = changes
    const missed = count - next
    if (missed === 0) return
    if (next < 0 || missed > changes.kept || missed > hostCount) all()
    else for (let change = next; change < count; change++) price(changes.host(change))
    next = count
  }
}

/** A cache of the things used last. */
export interface Recent<T> {
  /** The thing of this key, made if there is none. */
  get(key: string, make: () => T): T
}

/** Keeps up to `capacity` things; none at 0. */
export function createRecent<T>(capacity: number): Recent<T> {
  const things = new Map<string, T>()
  let newest: { readonly key: string; readonly thing: T } | undefined
  return {
    get(key, make) {
      if (newest?.key === key) return newest.thing
      const thing = things.get(key) ?? make()
      if (capacity === 0) return thing
      things.delete(key)
      things.set(key, thing)
      newest = { key, thing }
      if (things.size > capacity) things.delete(things.keys().next().value!)
      return thing
    },
  }
}
