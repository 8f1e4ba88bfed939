/** Read access to the records of one kind. */
export interface ReadonlyTable<T> {
  get(id: string): T | undefined
  has(id: string): boolean
  readonly size: number
  values(): Iterable<T>
  entries(): Iterable<readonly [string, T]>
  /** Ids in order; kept until an id comes or goes. */
  sortedIds(): readonly string[]
  /** Ids in order that begin with `prefix`. */
  idsWithPrefix(prefix: string): readonly string[]
}

/** The records of one kind. */
export interface Table<T> extends ReadonlyTable<T> {
  /** Puts a record, or removes it when `value` is undefined. */
  set(id: string, value: T | undefined): void
}

/** An empty table. */
export function createTable<T>(): Table<T> {
  const rows = new Map<string, T>()
  let sorted: string[] | undefined = []
  /** How many ids at the front of `sorted` are gone already. */
  let gone = 0
  const sortedIds = () => {
    if (sorted && gone > 0) sorted = sorted.slice(gone)
    gone = 0
    sorted ??= [...rows.keys()].sort(compare)
    return sorted
  }
  return {
    get: (id) => rows.get(id),
    has: (id) => rows.has(id),
    get size() {
      return rows.size
    },
    values: () => rows.values(),
    entries: () => rows.entries(),
    sortedIds,
    idsWithPrefix(prefix) {
      const ids = sortedIds()
      const from = lowerBound(ids, prefix)
      let to = from
      while (to < ids.length && ids[to]!.startsWith(prefix)) to++
      return ids.slice(from, to)
    },
    set(id, value) {
      if (value === undefined) {
        if (!rows.delete(id)) return
        // Events go oldest first: forgetting from the front keeps the sorted list, too.
        if (sorted?.[gone] === id) gone++
        else sorted = undefined
        return
      }
      if (!rows.has(id)) {
        // Events and operations come in order: appending keeps the sorted list.
        if (sorted && (sorted.length === gone || sorted[sorted.length - 1]! < id)) sorted.push(id)
        else sorted = undefined
      }
      rows.set(id, value)
    },
  }
}

/** Index of the first id at or after `id`. */
export function lowerBound(ids: readonly string[], id: string): number {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ids[middle]! < id) low = middle + 1
    else high = middle
  }
  return low
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
