/**
 * From what the host should be and what it is, to what to do: a pure function, so that every rule
 * about data can be read and tested here. The rules:
 *
 * - Absence means nothing. Only an item whose intent is Absent is removed; what no document names
 *   is reported as an orphan and left alone.
 * - An item is Absent only when the host was looked at and it was not there.
 * - What was there once is never made anew: a volume whose data is missing is Failed, not empty.
 * - Nothing is Ready before the document on this host's disk says that it was made.
 * - Nothing is planned for a pool that cannot be seen, except making it visible.
 */
import type {
  DesiredPool,
  DesiredState,
  ObservedPool,
  ObservedReplica,
  ObservedSnapshot,
} from '@keelson/shared/model'
import type { MadeItem } from '../ledger/index.ts'
import type { PoolConfig } from '../storage/driver.ts'
import type { Abilities, PlanContext, Planned } from './plan-context.ts'
import { planReplica } from './plan-replica.ts'
import { planSnapshot } from './plan-snapshot.ts'
import type { ItemKey, Reclaim, Step } from './step.ts'
import type { HostView, PoolListing, PoolView } from './view.ts'

/** A plan for the whole host. */
export interface Plan {
  readonly generation: number
  readonly pools: readonly Planned<ObservedPool>[]
  readonly replicas: readonly Planned<ObservedReplica>[]
  readonly snapshots: readonly Planned<ObservedSnapshot>[]
  readonly reclaims: readonly Reclaim[]
}

/** Plans the host. `reclaimDue`: uids of pools whose trash is to be looked at. */
export function plan(
  desired: DesiredState,
  view: HostView,
  abilities: Abilities,
  reclaimDue: ReadonlySet<string> = new Set(),
): Plan {
  const pools = new Map(desired.pools.map((pool) => [pool.uid, pool]))
  const context: PlanContext = {
    desired,
    view,
    abilities,
    pool(uid) {
      const pool = pools.get(uid)
      if (pool === undefined) return undefined
      const leaving = pool.intent === 'Absent'
      return { config: configOf(desired, pool), view: view.get(uid), leaving }
    },
  }
  return {
    generation: desired.generation,
    pools: desired.pools.map((pool) => planPool(context, pool)),
    replicas: desired.replicas.map((replica) => planReplica(context, replica)),
    snapshots: desired.snapshots.map((snapshot) => planSnapshot(context, snapshot)),
    reclaims: desired.pools.flatMap((pool) => planReclaim(context, pool, reclaimDue)),
  }
}

/** What is there and is to be recorded before it is reported. */
export function madeBy({ replicas, snapshots }: Plan): MadeItem[] {
  return [...replicas, ...snapshots].flatMap(({ made }) => made ?? [])
}

/**
 * The steps of a plan in the order to start them: removals first, because they give space back;
 * then what brings existing volumes to their users; what makes new things last.
 */
export function stepsOf({ pools, replicas, snapshots, reclaims }: Plan): Step[] {
  const steps = [...pools, ...replicas, ...snapshots].flatMap(({ step }) => step ?? [])
  const inOrder = [...steps, ...reclaims].map((step, index) => ({
    step,
    index,
    rank: rankOf(step),
  }))
  inOrder.sort((a, b) => a.rank - b.rank || a.index - b.index)
  return inOrder.map(({ step }) => step)
}

function rankOf(step: Step): number {
  switch (step.type) {
    case 'RemoveSnapshot':
      return 0
    case 'RemoveReplica':
      return 1
    case 'RemovePool':
      return 2
    case 'PreparePool':
      return 3
    case 'EnsureReplica':
      return step.creates ? 5 : 4
    case 'CreateSnapshot':
      return 6
    case 'Reclaim':
      return 7
  }
}

/** A pool as the driver wants it. */
export function configOf(desired: DesiredState, pool: DesiredPool): PoolConfig {
  const { uid, name, kind, path } = pool
  return { uid, name, kind, path, clusterId: desired.clusterId }
}

function planPool(context: PlanContext, wanted: DesiredPool): Planned<ObservedPool> {
  const { desired, view, abilities } = context
  const item: ItemKey = `pool/${wanted.uid}`
  const config = configOf(desired, wanted)
  const seen = view.get(wanted.uid)
  const report = (phase: ObservedPool['phase'], message: string): ObservedPool => ({
    uid: wanted.uid,
    phase,
    message,
    ...(seen?.kind === 'Listed' ? roomOf(seen.listing) : NO_ROOM),
    orphans: seen?.kind === 'Listed' ? orphansOf(desired, wanted, seen.listing) : [],
  })
  if (!abilities.poolKinds.has(wanted.kind))
    return { item, observed: report('Failed', `this agent has no driver for ${wanted.kind} pools`) }
  if (seen === undefined) return { item, observed: report('Pending', 'not looked at yet') }
  if (wanted.intent === 'Absent') return planPoolRemoval(context, wanted, seen, report)
  if (seen.kind === 'Listed')
    return { item, observed: report('Ready', seen.listing.state.warnings.join('; ')) }
  const state = seen.kind === 'Unlisted' ? seen.state : 'New'
  const problem = seen.kind === 'Unlisted' ? seen.problem : 'it was removed'
  const reason = state === 'New' ? 'it is not in its place yet' : problem
  if (state === 'Silent') return { item, observed: report('Failed', reason) }
  return {
    item,
    observed: state === 'Lost' ? report('Failed', reason) : report('Pending', 'being prepared'),
    step: { type: 'PreparePool', item, pool: config, reason },
  }
}

function planPoolRemoval(
  { desired }: PlanContext,
  wanted: DesiredPool,
  seen: PoolView,
  report: (phase: ObservedPool['phase'], message: string) => ObservedPool,
): Planned<ObservedPool> {
  const item: ItemKey = `pool/${wanted.uid}`
  if (seen.kind === 'Removed') return { item, observed: report('Absent', '') }
  const named = [...desired.replicas, ...desired.snapshots].filter(
    ({ poolUid }) => poolUid === wanted.uid,
  ).length
  if (seen.kind === 'Unlisted' && seen.state === 'Silent')
    return { item, observed: report('Pending', `cannot be removed: ${seen.problem}`) }
  const held = seen.kind === 'Listed' ? heldIn(seen.listing) : 0
  if (held > 0) {
    const waiting = named > 0
    const whose = waiting ? 'waiting for' : 'holds, and no document names,'
    const message = `${whose} ${held} volume(s) and snapshot(s)`
    return { item, observed: report(waiting ? 'Pending' : 'Failed', message) }
  }
  return {
    item,
    observed: report('Pending', 'being removed'),
    step: {
      type: 'RemovePool',
      item,
      pool: configOf(desired, wanted),
      lost: named === 0,
      reason: 'its removal was asked for',
    },
  }
}

function heldIn(listing: PoolListing): number {
  return listing.volumes.size + listing.missing.size + listing.snapshots.size
}

const NO_ROOM = { totalBytes: 0, freeBytes: 0, reflink: false }

function roomOf({ state }: PoolListing) {
  const { totalBytes, freeBytes, supportsReflink: reflink } = state
  return { totalBytes, freeBytes, reflink }
}

/** Everything in the pool that no document names. */
function orphansOf(desired: DesiredState, pool: DesiredPool, listing: PoolListing): string[] {
  const here = ({ poolUid }: { readonly poolUid: string }) => poolUid === pool.uid
  const replicas = new Set(desired.replicas.filter(here).map(({ volumeUid }) => volumeUid))
  const snapshots = new Set(desired.snapshots.filter(here).map(({ uid }) => uid))
  const unknown = (
    kind: string,
    items: Iterable<{ uid: string; name: string }>,
    known: Set<string>,
  ) =>
    [...items]
      .filter(({ uid }) => !known.has(uid))
      .map(({ uid, name }) => `${kind} ${name} (${uid})`)
  return [
    ...unknown('volume', listing.volumes.values(), replicas),
    ...unknown('snapshot', listing.snapshots.values(), snapshots),
    ...[...listing.missing]
      .filter((uid) => !replicas.has(uid))
      .map((uid) => `lost volume (${uid})`),
    ...listing.orphans,
  ]
}

function planReclaim(
  { desired, view }: PlanContext,
  pool: DesiredPool,
  due: ReadonlySet<string>,
): Reclaim[] {
  if (!due.has(pool.uid) || pool.intent === 'Absent') return []
  if (view.get(pool.uid)?.kind !== 'Listed') return []
  const config = configOf(desired, pool)
  return [{ type: 'Reclaim', item: `reclaim/${pool.uid}`, pool: config, reason: 'it is time' }]
}
