/**
 * The best offer of many units, each of which is asked again only when it seems the best. Gains
 * mostly shrink as others move, so few have to be asked between two moves.
 */
import type { Place, Unit } from './units.ts'

/** What a unit has to offer. */
export interface Offer {
  readonly unit: Unit
  readonly place: Place
  /** The higher, the sooner. */
  readonly rank: number
}

/** A queue of offers. */
export interface LazyQueue {
  /** Asks a unit and takes up its offer, if it has one, in the place of an earlier one. */
  ask(unit: Unit): void
  /** Says that something has moved: what was offered before has to be confirmed. */
  moved(): void
  /** Takes out the best offer; undefined if there is none. */
  take(): Offer | undefined
}

interface Entry {
  readonly offer: Offer
  readonly version: number
}

/** Entries for each offer before those that were replaced are swept out. */
const MOST_STALE = 3

/** An empty queue whose offers come from `offerOf`. */
export function createLazyQueue(offerOf: (unit: Unit) => Offer | undefined): LazyQueue {
  /** In rising order of rank; offers that others have replaced since are among them. */
  let entries: Entry[] = []
  const latest = new Map<Unit, Offer>()
  let version = 0

  function ask(unit: Unit): void {
    const offer = offerOf(unit)
    latest.delete(unit)
    if (!offer) return
    latest.set(unit, offer)
    if (entries.length > MOST_STALE * latest.size)
      entries = entries.filter((entry) => latest.get(entry.offer.unit) === entry.offer)
    let low = 0
    let high = entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (entries[middle]!.offer.rank < offer.rank) low = middle + 1
      else high = middle
    }
    entries.splice(low, 0, { offer, version })
  }

  return {
    ask,
    moved() {
      version++
    },
    take() {
      for (let entry = entries.pop(); entry; entry = entries.pop()) {
        const { offer } = entry
        if (latest.get(offer.unit) !== offer) continue
        if (entry.version < version) ask(offer.unit)
        else {
          latest.delete(offer.unit)
          return offer
        }
      }
      return undefined
    },
  }
}
