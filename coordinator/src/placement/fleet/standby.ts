/**
 * The proof that any one failure domain can be lost: every machine that the guarantee covers has a
 * standby, a host in another domain that keeps room for it. Only one domain is lost at a time, so a
 * host keeps the largest sum that one domain would bring, not the sum of all. The same arithmetic
 * is Ganeti's N+1 rule when domains are single hosts and the standby is the second replica.
 */

/** Room kept for standbys, of one column. */
export interface StandbyBook {
  /** Largest sum that the loss of one domain would bring, by host row. */
  readonly reserve: Float64Array
  /** What the loss of `domain` would bring to `host`. */
  inbound(host: number, domain: number): number
  /** Everything that the loss of `domain` would bring, by host row. */
  fromDomain(domain: number): ReadonlyMap<number, number>
  /** Everything that losses would bring to `host`, by domain. */
  toHost(host: number): ReadonlyMap<number, number>
  /** Adds `amount` (negative takes away) for machines of `domain` whose standby is `host`. */
  add(host: number, domain: number, amount: number): void
  clone(): StandbyBook
}

const NOTHING: ReadonlyMap<number, number> = new Map()

/** A book for `hostCount` hosts in which nothing is kept. */
export function createStandbyBook(hostCount: number): StandbyBook {
  return bookOf(new Float64Array(hostCount), new Map(), new Map())
}

type Sums = Map<number, Map<number, number>>

function bookOf(reserve: Float64Array, byDomain: Sums, byHost: Sums): StandbyBook {
  function set(sums: Sums, outer: number, inner: number, amount: number): void {
    const row = sums.get(outer) ?? new Map<number, number>()
    if (amount === 0) row.delete(inner)
    else row.set(inner, amount)
    if (row.size === 0) sums.delete(outer)
    else sums.set(outer, row)
  }
  return {
    reserve,
    inbound: (host, domain) => byDomain.get(domain)?.get(host) ?? 0,
    fromDomain: (domain) => byDomain.get(domain) ?? NOTHING,
    toHost: (host) => byHost.get(host) ?? NOTHING,
    add(host, domain, amount) {
      const before = byDomain.get(domain)?.get(host) ?? 0
      const after = before + amount
      set(byDomain, domain, host, after)
      set(byHost, host, domain, after)
      if (after >= reserve[host]!) reserve[host] = after
      else if (before === reserve[host]) {
        let largest = 0
        for (const sum of byHost.get(host)?.values() ?? []) if (sum > largest) largest = sum
        reserve[host] = largest
      }
    },
    clone: () => bookOf(reserve.slice(), copyOf(byDomain), copyOf(byHost)),
  }
}

function copyOf(sums: Sums): Sums {
  return new Map([...sums].map(([key, row]) => [key, new Map(row)]))
}
