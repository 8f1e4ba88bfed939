/**
 * The one writer. A command is decided on the newest state, applied to it at once, and handed to
 * the store; many transactions are under way together, and the store flushes them together. Nobody
 * outside learns of a write before it is durable: replies wait for it, readers wait for everything
 * they can see (`settled`), followers get it after.
 *
 * The state is therefore ahead of the store by what is under way. If the store refuses a
 * transaction, what was decided after it stood on sand: the pipeline fails as a whole, answers
 * everybody, and takes nothing more. Whoever runs it loads the state anew and starts another.
 */
import { assert, KeelsonError } from '@keelson/shared/errors'
import { type Command, decide, type Outcome } from '../decide/index.ts'
import {
  type ClusterState,
  checkInvariants,
  createClusterState,
  decodeRecord,
  encodeRecord,
  parseRecordKey,
  type RecordKind,
  type RecordTypes,
  recordKey,
  type StateView,
  type Write,
} from '../state/index.ts'
import { checkTransaction, type Guard, type Operation, type Store } from '../store/index.ts'
import { type Change, createFeed, type Feed } from './feed.ts'

/** A command that took effect, or would have. */
export interface Committed {
  readonly outcome: Outcome
  /** Revision it is part of; that of the state for a dry run or a command that changed nothing. */
  readonly revision: number
  /** The record as this command left it. */
  record<K extends RecordKind>(kind: K, id: string): RecordTypes[K] | undefined
}

/** How a pipeline runs. */
export interface PipelineOptions {
  readonly store: Store
  readonly state: ClusterState
  /** Conditions every transaction carries, such as holding the leadership. */
  readonly guards: readonly Guard[]
  /** Check every invariant after every transaction; for tests and simulation. */
  readonly checked: boolean
  /** Called once, when the store has refused a transaction. */
  readonly onFailure: (error: KeelsonError) => void
}

/** The running pipeline. */
export interface Pipeline {
  readonly state: StateView
  readonly feed: Feed
  /**
   * Decides and commits. Resolves when durable. Raises what the decision raises, RESOURCE_EXHAUSTED
   * when the store's disk is full, UNAVAILABLE when the store failed: then the command may or may
   * not have taken effect, and asking again is safe.
   */
  submit(command: Command): Promise<Committed>
  /** Resolves when everything the state shows now is durable. */
  settled(): Promise<void>
  /** Takes nothing more; waits for what is under way. */
  stop(): Promise<void>
}

/** Transactions a watch can be behind. */
const FEED_CAPACITY = 8_192

/** Starts a pipeline on a state that equals the store. */
export function createPipeline(options: PipelineOptions): Pipeline {
  const { store, state, guards } = options
  const feed = createFeed(state.revision, FEED_CAPACITY)
  let failure: KeelsonError | undefined
  let last: Promise<unknown> = Promise.resolve()

  function fail(error: unknown): KeelsonError {
    const known = KeelsonError.from(error, 'UNAVAILABLE', 'the store refused a transaction')
    if (!failure) {
      failure = known
      feed.end(new KeelsonError('UNAVAILABLE', 'the coordinator loads its state anew'))
      options.onFailure(known)
    }
    return known
  }

  function refuse(): never {
    assert(failure, 'refusing without a failure')
    throw new KeelsonError(
      failure.code === 'RESOURCE_EXHAUSTED' ? 'RESOURCE_EXHAUSTED' : 'UNAVAILABLE',
      'the coordinator cannot write its store at present',
      { cause: failure },
    )
  }

  async function write(writes: readonly Write[]) {
    const revision = state.revision + 1
    const operations = writes.map(operation)
    // Refused before anything is applied: a transaction the store cannot take is a bad request,
    // not a broken store.
    checkTransaction({ guards, operations })
    const before = writes.map((item) => state.table(item.kind).get(item.id))
    state.apply(writes, revision)
    // Taken now: once this is durable, the state may show later writes that are not.
    const changes = writes.map(
      (item, index): Change => ({ ...stamped(state, item), before: before[index] }),
    )
    if (options.checked) assertSound(state)
    const committed = store.commit({ guards, operations })
    last = committed
    try {
      const reached = await committed
      assert(reached === revision, `store is at ${reached}, state at ${revision}`)
    } catch (error) {
      fail(error)
      return refuse()
    }
    feed.publish({ revision, changes })
    return { revision, record: recordsOf(changes) }
  }

  async function settled(): Promise<void> {
    await last.catch(() => undefined)
    if (failure) refuse()
  }

  return {
    state,
    feed,
    settled,
    async submit(command) {
      if (failure) refuse()
      const { writes, outcome } = decide(state, command)
      if (command.dryRun) return { outcome, revision: state.revision, record: recordsOf(writes) }
      if (writes.length === 0) {
        // Nothing to write, but what it saw may not be durable yet.
        const { revision } = state
        await settled()
        return { outcome, revision, record: recordsOf(writes) }
      }
      return { outcome, ...(await write(writes)) }
    },
    async stop() {
      failure ??= new KeelsonError('UNAVAILABLE', 'the coordinator is stopping')
      await last.catch(() => undefined)
      feed.end(failure)
    },
  }
}

/** Loads the whole state from a store; DATA_LOSS names the first record that cannot be read. */
export async function loadState(store: Store): Promise<ClusterState> {
  const state = createClusterState()
  const pending: { readonly write: Write; readonly revision: number }[] = []
  let revision = 0
  for await (const page of store.range('')) {
    revision = page.revision
    for (const { key, value, modRevision } of page.records) {
      const { kind, id } = parseRecordKey(key)
      const write = { kind, id, value: decodeRecord(kind, id, value) } as Write
      // Nodes and pools come before what refers to them, whatever the order of keys.
      if (kind === 'volume' || kind === 'snapshot') pending.push({ write, revision: modRevision })
      else state.apply([write], modRevision)
    }
  }
  for (const item of pending) state.apply([item.write], item.revision)
  state.apply([], revision)
  return state
}

function operation(write: Write): Operation {
  const key = recordKey(write.kind, write.id)
  return write.value === undefined
    ? { type: 'delete', key }
    : { type: 'put', key, value: encodeRecord(write.value) }
}

/** The write with its record as the state holds it, that is with its resource version. */
function stamped(state: StateView, write: Write): Write {
  if (write.value === undefined) return write
  return { ...write, value: state.table(write.kind).get(write.id) } as Write
}

function recordsOf(writes: readonly Write[]): Committed['record'] {
  return (kind, id) => writes.find((item) => item.kind === kind && item.id === id)?.value as never
}

function assertSound(state: StateView): void {
  const violations = checkInvariants(state)
  assert(
    violations.length === 0,
    `broken invariants: ${violations.map((v) => `${v.rule} ${v.subject}: ${v.message}`).join('; ')}`,
  )
}
