/**
 * Masks that are kept. A mask says for every row which rule it fails first. Rows change rarely, and
 * the same demand comes again and again, so a kept mask asks only about rows that changed since.
 */

/** A rule about one row, with the name reports show. */
export interface Rule {
  readonly name: string
  /** Null if the row keeps the rule, else why not, with numbers. */
  readonly check: (row: number) => string | null
}

/** What rules say of all rows. */
export interface Mask {
  /** 1 for every row that keeps all rules. Never changed once handed out. */
  readonly open: Uint8Array
  /** For each row the number, from 1, of the first rule that it fails; 0 if it keeps all. */
  readonly failed: Uint8Array
}

/** Rows that changed, in order; positions count from 0. */
export interface RowChanges {
  readonly position: number
  note(row: number): void
  /** Rows noted from a position on; undefined if too many to tell. */
  since(position: number): readonly number[] | undefined
}

/** Masks by key. */
export interface MaskCache {
  /** The mask of the rules, which the key describes entirely but for the records of the rows. */
  get(key: string, rules: readonly Rule[]): Mask
}

/** Judges every row. */
export function judgeRows(rules: readonly Rule[], rowCount: number): Mask {
  const failed = new Uint8Array(rowCount)
  const open = new Uint8Array(rowCount)
  for (let row = 0; row < rowCount; row++) {
    failed[row] = firstFailed(rules, row)
    open[row] = failed[row] === 0 ? 1 : 0
  }
  return { open, failed }
}

function firstFailed(rules: readonly Rule[], row: number): number {
  for (let i = 0; i < rules.length; i++) if (rules[i]!.check(row) !== null) return i + 1
  return 0
}

/** No changes. */
export function createRowChanges(): RowChanges {
  const kept = 4096
  let rows: number[] = []
  let dropped = 0
  return {
    get position() {
      return dropped + rows.length
    },
    note(row) {
      rows.push(row)
      if (rows.length < 2 * kept) return
      rows = rows.slice(kept)
      dropped += kept
    },
    since: (position) => (position < dropped ? undefined : rows.slice(position - dropped)),
  }
}

const KEPT_MASKS = 64

/** A cache for rows whose changes are noted. */
export function createMaskCache(rowCount: number, changes: RowChanges): MaskCache {
  const masks = new Map<string, { readonly mask: Mask; readonly position: number }>()
  return {
    get(key, rules) {
      const { position } = changes
      const known = masks.get(key)
      if (known?.position === position) return known.mask
      const changed = known && changes.since(known.position)
      const mask = changed ? judgeAgain(known.mask, rules, changed) : judgeRows(rules, rowCount)
      masks.delete(key)
      masks.set(key, { mask, position })
      if (masks.size > KEPT_MASKS) masks.delete(masks.keys().next().value!)
      return mask
    },
  }
}

/** The same mask if nothing became different: choosers know masks by identity. */
function judgeAgain(mask: Mask, rules: readonly Rule[], rows: readonly number[]): Mask {
  let next = mask
  for (const row of rows) {
    const failed = firstFailed(rules, row)
    if (failed === next.failed[row]) continue
    if (next === mask) next = { open: mask.open.slice(), failed: mask.failed.slice() }
    next.failed[row] = failed
    next.open[row] = failed === 0 ? 1 : 0
  }
  return next
}
