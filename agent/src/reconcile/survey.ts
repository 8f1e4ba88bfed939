/**
 * Looks at the pools and keeps what was seen. Listing is cheap but not free, so a pool is listed
 * when nothing is known, when a step on it failed, and every few seconds; in between the results of
 * steps bring the picture up to date. A pool that does not answer holds nobody else up.
 */
import { errorChain, KeelsonError } from '@keelson/shared/errors'
import type { Clock } from '@keelson/shared/runtime'
import type {
  PoolConfig,
  PoolInventory,
  SnapshotState,
  StorageDriver,
  VolumeState,
} from '../storage/driver.ts'
import type { StepOutcome } from './executor.ts'
import { waitAtMost } from './patience.ts'
import type { ItemKey, Step } from './step.ts'
import type { HostView, PoolListing, PoolView } from './view.ts'

/** Sees to it that there is a view of the host. */
export interface Survey {
  /** Looks at the pools that need it; resolves when they have answered, or had time enough. */
  refresh(pools: readonly PoolConfig[]): Promise<void>
  view(): HostView
  /** Takes in what a step brought about. */
  settled(step: Step, outcome: StepOutcome): void
  /** Whether `refresh` would look at the pool for more than its age. */
  isDoubtful(uid: string): boolean
}

/** What a survey needs. */
export interface SurveyOptions {
  readonly driver: StorageDriver
  readonly clock: Clock
  /** A pool answered after it was given up. */
  readonly onLateAnswer: () => void
}

/** Older listings are made anew. */
const MAXIMUM_AGE_MS = 10_000
/** A pool that has not answered by then is reported as not answering. */
const PATIENCE_MS = 10_000

interface MutableListing extends PoolListing {
  readonly volumes: Map<string, VolumeState>
  readonly snapshots: Map<string, SnapshotState>
  readonly missing: Set<string>
}

/** What is known of one pool. */
interface PoolRecord {
  view: PoolView | undefined
  listing: MutableListing | undefined
  /** Something happened that the listing does not tell. */
  doubtful: boolean
  listedAt: number
  look: { readonly startedAt: number; readonly answer: Promise<void>; late: boolean } | undefined
  /** Changes since the look under way began; its answer may not have them. */
  since: ((listing: MutableListing) => void)[]
  readonly everSeen: Set<string>
  readonly uncertain: Set<ItemKey>
}

/** A survey that has seen nothing. */
export function createSurvey({ driver, clock, onLateAnswer }: SurveyOptions): Survey {
  const records = new Map<string, PoolRecord>()

  function recordOf(uid: string): PoolRecord {
    let record = records.get(uid)
    if (record === undefined) {
      record = newRecord()
      records.set(uid, record)
    }
    return record
  }

  function needsLook(record: PoolRecord): boolean {
    if (record.view?.kind === 'Removed' || record.look !== undefined) return false
    return record.doubtful || clock.now() - record.listedAt >= MAXIMUM_AGE_MS
  }

  async function look(pool: PoolConfig, record: PoolRecord): Promise<void> {
    record.doubtful = false
    record.since = []
    const uncertainBefore = [...record.uncertain]
    try {
      const inventory = await driver.listPool(pool)
      for (const item of uncertainBefore) record.uncertain.delete(item)
      const listing = listingOf(inventory, record)
      for (const change of record.since) change(listing)
      for (const uid of listing.snapshots.keys()) record.everSeen.add(uid)
      record.listing = listing
      record.view = { kind: 'Listed', listing }
    } catch (error) {
      const state = record.listing === undefined ? 'New' : 'Lost'
      record.view = { kind: 'Unlisted', problem: describeError(error), state }
    }
    record.listedAt = clock.now()
  }

  /** Begins a look, or goes on waiting for the one under way. */
  async function answered(pool: PoolConfig, record: PoolRecord): Promise<void> {
    if (needsLook(record)) {
      const current = { startedAt: clock.now(), late: false, answer: Promise.resolve() }
      record.look = current
      current.answer = look(pool, record).finally(() => {
        record.look = undefined
        if (current.late) onLateAnswer()
      })
    }
    const { look: current } = record
    if (current === undefined || current.late) return
    await waitAtMost(clock, current.startedAt + PATIENCE_MS - clock.now(), current.answer)
    if (record.look !== current) return
    current.late = true
    const problem = `pool ${pool.name} has not answered for ${PATIENCE_MS / 1_000} s`
    record.view = { kind: 'Unlisted', problem, state: 'Silent' }
  }

  return {
    async refresh(pools) {
      const named = new Set(pools.map(({ uid }) => uid))
      for (const uid of records.keys()) if (!named.has(uid)) records.delete(uid)
      await Promise.all(pools.map((pool) => answered(pool, recordOf(pool.uid))))
    },
    view() {
      const seen = [...records].flatMap(([uid, { view }]) => (view ? [[uid, view] as const] : []))
      return new Map(seen)
    },
    settled(step, outcome) {
      const record = records.get(step.pool.uid)
      if (record === undefined) return
      if (!outcome.ok) {
        record.uncertain.add(step.item)
        record.doubtful = true
        return
      }
      if (step.type === 'RemovePool') record.view = { kind: 'Removed' }
      if (step.type === 'PreparePool' || step.type === 'Reclaim') record.doubtful = true
      const change = (listing: MutableListing) => applyTo(listing, step, outcome.result)
      if (record.look) record.since.push(change)
      if (record.listing) change(record.listing)
      const taken = outcome.result.snapshot
      if (taken) record.everSeen.add(taken.uid)
    },
    isDoubtful: (uid) => records.get(uid)?.doubtful ?? false,
  }
}

function newRecord(): PoolRecord {
  return {
    view: undefined,
    listing: undefined,
    doubtful: true,
    listedAt: 0,
    look: undefined,
    since: [],
    everSeen: new Set(),
    uncertain: new Set(),
  }
}

function listingOf(inventory: PoolInventory, record: PoolRecord): MutableListing {
  return {
    state: inventory.state,
    volumes: new Map(inventory.volumes.map((volume) => [volume.uid, volume])),
    snapshots: new Map(inventory.snapshots.map((snapshot) => [snapshot.uid, snapshot])),
    missing: new Set(inventory.missingVolumes),
    orphans: inventory.orphans,
    everSeen: record.everSeen,
    uncertain: record.uncertain,
  }
}

function applyTo(
  listing: MutableListing,
  step: Step,
  { volume, snapshot }: { readonly volume?: VolumeState; readonly snapshot?: SnapshotState },
): void {
  if (volume) {
    listing.volumes.set(volume.uid, volume)
    listing.missing.delete(volume.uid)
  }
  if (snapshot) listing.snapshots.set(snapshot.uid, snapshot)
  if (step.type === 'RemoveReplica') {
    listing.volumes.delete(step.volumeUid)
    listing.missing.delete(step.volumeUid)
  }
  if (step.type === 'RemoveSnapshot') listing.snapshots.delete(step.snapshotUid)
}

/** An error as one line for a report: the chain of causes, then the details. */
export function describeError(error: unknown): string {
  const details = error instanceof KeelsonError ? error.details : []
  return [errorChain(error), ...details].join('; ')
}
