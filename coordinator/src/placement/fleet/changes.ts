/** Rows whose numbers changed, in the order of the changes; a row may come several times. */
export interface HostChanges {
  /** Changes so far. */
  readonly count: number
  /** Changes that can still be read: those from `count - kept` on. */
  readonly kept: number
  /** Row of a change. */
  host(change: number): number
}

/** Changes that are kept; whoever is further behind looks at every row instead. */
const KEPT_CHANGES = 4096

/** Changes of a fleet that nothing has happened to; its owner adds to them. */
export function createChanges(): HostChanges & { add(host: number): void } {
  const rows = new Int32Array(KEPT_CHANGES)
  let count = 0
  return {
    get count() {
      return count
    },
    kept: KEPT_CHANGES,
    host: (change) => rows[change % KEPT_CHANGES]!,
    add(host) {
      rows[count++ % KEPT_CHANGES] = host
    },
  }
}
