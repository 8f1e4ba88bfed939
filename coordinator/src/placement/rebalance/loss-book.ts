/** Room kept for standbys as one flat table: the same sums as `StandbyBook`, quicker to probe. */
import type { StandbyBook } from '../fleet/index.ts'

/** What the loss of each domain would bring to each host, of one column. */
export interface LossBook {
  /** The largest sum of one domain, by host row. */
  readonly reserve: Float64Array
  /** The reserve of a host if `amount` more came from `domain`. */
  reserveWith(host: number, domain: number, amount: number): number
  add(host: number, domain: number, amount: number): void
}

/** Cells of the largest flat table, 32 MiB; beyond it the sums stay as sparse as they are. */
const LARGEST_TABLE = 4 * 2 ** 20

/** A book with the sums of another. */
export function createLossBook(lossDomains: Int32Array, from: StandbyBook): LossBook {
  const width = lossDomains.reduce((most, domain) => Math.max(most, domain), -1) + 1
  return lossDomains.length * width > LARGEST_TABLE
    ? sparseBook(from.clone())
    : flatBook(lossDomains, width, from)
}

function sparseBook(book: StandbyBook): LossBook {
  return {
    reserve: book.reserve,
    reserveWith: (host, domain, amount) =>
      Math.max(book.reserve[host]!, book.inbound(host, domain) + amount),
    add: book.add,
  }
}

function flatBook(lossDomains: Int32Array, width: number, from: StandbyBook): LossBook {
  const reserve = from.reserve.slice()
  const sums = new Float64Array(lossDomains.length * width)
  for (let host = 0; host < lossDomains.length; host++) {
    for (const [domain, sum] of from.toHost(host)) sums[host * width + domain] = sum
  }
  return {
    reserve,
    reserveWith: (host, domain, amount) =>
      Math.max(reserve[host]!, sums[host * width + domain]! + amount),
    add(host, domain, amount) {
      const before = sums[host * width + domain]!
      const after = before + amount
      sums[host * width + domain] = after
      if (after >= reserve[host]!) reserve[host] = after
      else if (before === reserve[host]) {
        let largest = 0
        for (let i = host * width; i < (host + 1) * width; i++) {
          if (sums[i]! > largest) largest = sums[i]!
        }
        reserve[host] = largest
      }
    },
  }
}
