/** What the planners of pools, replicas and snapshots share. */
import type {
  DesiredReplica,
  DesiredSnapshot,
  DesiredState,
  ItemPhase,
} from '@keelson/shared/model'
import type { MadeItem } from '../ledger/index.ts'
import type { PoolConfig } from '../storage/driver.ts'
import type { ItemKey, Step } from './step.ts'
import type { HostView, PoolListing, PoolView } from './view.ts'

/** What the host can do. */
export interface Abilities {
  readonly poolKinds: ReadonlySet<string>
  /** Whether replicas are kept equal with those on other hosts. */
  readonly replication: boolean
}

/** What comes of one item: what to report as long as nothing else is known, and what to do. */
export interface Planned<T> {
  readonly item: ItemKey
  readonly observed: T
  readonly step?: Step
  /** The view cannot tell; what was reported last still stands. */
  readonly uncertain?: true
  /** It is there, and the document does not say so: to be recorded before anybody is told. */
  readonly made?: MadeItem
}

/** What the parts of a plan are made from. */
export interface PlanContext {
  readonly desired: DesiredState
  readonly view: HostView
  readonly abilities: Abilities
  /** The pool of an item as the driver wants it; undefined if no document names it. */
  pool(uid: string): PlanPool | undefined
}

/** The pool of an item. */
export interface PlanPool {
  readonly config: PoolConfig
  readonly view: PoolView | undefined
  /** It is to go: nothing new is made in it. */
  readonly leaving: boolean
}

/** Where an item is to be looked for, or what to report as long as nobody can look. */
export type Place =
  | { readonly pool: PlanPool; readonly listing: PoolListing }
  | { readonly phase: ItemPhase; readonly message: string; readonly uncertain?: true }

/** Looks for the place of a replica or snapshot. */
export function placeOf(
  context: PlanContext,
  item: ItemKey,
  { poolUid, intent, provisioned }: DesiredReplica | DesiredSnapshot,
): Place {
  const pool = context.pool(poolUid)
  const removing = intent === 'Absent'
  if (pool === undefined)
    return { phase: 'Failed', message: `its pool ${poolUid} is not in the document` }
  const waiting = `waiting for pool ${pool.config.name}`
  const seen = pool.view
  if (seen === undefined) return { phase: 'Pending', message: waiting }
  if (seen.kind === 'Removed' && removing) return { phase: 'Absent', message: '' }
  if (seen.kind !== 'Listed') {
    const problem = seen.kind === 'Unlisted' ? seen.problem : 'it was removed'
    const phase = provisioned && !removing ? 'Failed' : 'Pending'
    return { phase, message: `${waiting}: ${problem}` }
  }
  if (seen.listing.uncertain.has(item))
    return { phase: 'Pending', message: 'being looked at again', uncertain: true }
  return { pool, listing: seen.listing }
}
