/**
 * The whole cluster in memory: one table per kind, and the indexes that decisions need. Records
 * are frozen by convention: whoever wants a change writes a new one through a decision. `apply` is
 * the only thing that changes a state, and it knows neither time nor chance, so two states that
 * applied the same writes are equal.
 */
import type {
  Event,
  HardwareSection,
  JoinToken,
  Node,
  ObjectMeta,
  Operation,
  OperationKind,
  Snapshot,
  StorageClass,
  StoragePool,
  UserToken,
  VirtualMachine,
  Volume,
} from '@keelson/shared/model'
import { createHostIndex, type HostIndex } from './host-index.ts'
import { createJournal, type Journal } from './journal.ts'
import type {
  AuthorityRecord,
  ClusterInfo,
  Generation,
  MachineKey,
  PolicyHistory,
  RebalanceRecord,
  RecordKind,
  RecordTypes,
  Write,
} from './records.ts'
import { createTable, type ReadonlyTable, type Table } from './table.ts'

/** Read access to a state: what decisions, placement, dispatch and the API see. */
export interface StateView {
  /** Revision of the last write applied. */
  readonly revision: number
  readonly cluster: ReadonlyTable<ClusterInfo>
  readonly authority: ReadonlyTable<AuthorityRecord>
  readonly nodes: ReadonlyTable<Node>
  readonly generations: ReadonlyTable<Generation>
  readonly machines: ReadonlyTable<MachineKey>
  /** Hardware sections by `<node>/<section>`. */
  readonly inventory: ReadonlyTable<HardwareSection>
  /** Pools by `<node>/<name>`. */
  readonly pools: ReadonlyTable<StoragePool>
  readonly classes: ReadonlyTable<StorageClass>
  readonly volumes: ReadonlyTable<Volume>
  readonly snapshots: ReadonlyTable<Snapshot>
  readonly virtualMachines: ReadonlyTable<VirtualMachine>
  /** Policies by `policyId`. */
  readonly policies: ReadonlyTable<PolicyHistory>
  /** Rebalances by the name of their operation. */
  readonly rebalances: ReadonlyTable<RebalanceRecord>
  readonly operations: ReadonlyTable<Operation>
  readonly events: ReadonlyTable<Event>
  readonly joinTokens: ReadonlyTable<JoinToken>
  readonly userTokens: ReadonlyTable<UserToken>
  /** The table of a kind. */
  table<K extends RecordKind>(kind: K): ReadonlyTable<RecordTypes[K]>
  /** What stands on which host, and what is taken there. */
  readonly hosts: HostIndex
  /** What changed lately. */
  readonly journal: Journal
  /** Sequence of the newest event; 0 for none. */
  readonly lastEventSequence: number
  /** The running operation of that kind on that subject. */
  runningOperation(kind: OperationKind, subject: string): Operation | undefined
}

/** A state that can be written to; held by the commit pipeline alone. */
export interface ClusterState extends StateView {
  /** Applies all writes of one transaction, whose revision is `revision`. */
  apply(writes: readonly Write[], revision: number): void
}

type Tables = { readonly [K in RecordKind]: Table<RecordTypes[K]> }

/** An empty state at revision 0. */
export function createClusterState(): ClusterState {
  const tables: Tables = {
    cluster: createTable(),
    authority: createTable(),
    node: createTable(),
    generation: createTable(),
    machine: createTable(),
    inventory: createTable(),
    pool: createTable(),
    class: createTable(),
    volume: createTable(),
    snapshot: createTable(),
    virtualMachine: createTable(),
    policy: createTable(),
    rebalance: createTable(),
    operation: createTable(),
    event: createTable(),
    joinToken: createTable(),
    userToken: createTable(),
  }
  const hosts = createHostIndex()
  const journal = createJournal()
  const running = new Map<string, string>()
  let revision = 0
  let lastEventSequence = 0

  function forget(operation: Operation | undefined): void {
    if (operation?.phase !== 'Running') return
    const key = `${operation.kind} ${operation.subject}`
    if (running.get(key) === operation.meta.name) running.delete(key)
  }

  function applyOne(write: Write, atRevision: number): void {
    switch (write.kind) {
      case 'node':
      case 'pool':
      case 'volume':
      case 'virtualMachine':
      case 'snapshot': {
        const stamped = withVersion(write, atRevision)
        hosts.replace(stamped, tables[write.kind].get(write.id))
        return tables[write.kind].set(write.id, stamped.value as never)
      }
      case 'class':
        return tables.class.set(write.id, withVersion(write, atRevision).value)
      case 'operation': {
        const operation = withVersion(write, atRevision).value
        if (operation?.phase === 'Running')
          running.set(`${operation.kind} ${operation.subject}`, write.id)
        else forget(tables.operation.get(write.id))
        return tables.operation.set(write.id, operation)
      }
      case 'event':
        if (write.value) lastEventSequence = Math.max(lastEventSequence, write.value.sequence)
        return tables.event.set(write.id, write.value)
      default:
        return tables[write.kind].set(write.id, write.value as never)
    }
  }

  return {
    cluster: tables.cluster,
    authority: tables.authority,
    nodes: tables.node,
    generations: tables.generation,
    machines: tables.machine,
    inventory: tables.inventory,
    pools: tables.pool,
    classes: tables.class,
    volumes: tables.volume,
    snapshots: tables.snapshot,
    virtualMachines: tables.virtualMachine,
    policies: tables.policy,
    rebalances: tables.rebalance,
    operations: tables.operation,
    events: tables.event,
    joinTokens: tables.joinToken,
    userTokens: tables.userToken,
    table: (kind) => tables[kind] as never,
    hosts,
    journal,
    get revision() {
      return revision
    },
    get lastEventSequence() {
      return lastEventSequence
    },
    runningOperation(kind, subject) {
      const id = running.get(`${kind} ${subject}`)
      return id === undefined ? undefined : tables.operation.get(id)
    },
    apply(writes, atRevision) {
      for (const write of writes) {
        applyOne(write, atRevision)
        journal.record({ kind: write.kind, id: write.id })
      }
      revision = Math.max(revision, atRevision)
    },
  }
}

/**
 * Records with a meta show the revision of their last write; the store knows it, the text does not.
 */
function withVersion<W extends Write>(write: W, revision: number): W {
  const value = write.value as { readonly meta: ObjectMeta } | undefined
  if (!value) return write
  return { ...write, value: { ...value, meta: { ...value.meta, resourceVersion: revision } } }
}
