/**
 * What the store holds: one JSON text per record, under `<kind>/<id>`. Every text carries the
 * version of its shape; `upgrades` is the one place where an older shape becomes the present one.
 */
import { KeelsonError } from '@keelson/shared/errors'
import type {
  Event,
  HardwareSection,
  JoinToken,
  Node,
  Operation,
  PlacementPolicy,
  PolicyScope,
  Rebalance,
  Snapshot,
  StorageClass,
  StoragePool,
  UserToken,
  VirtualMachine,
  Volume,
} from '@keelson/shared/model'

/** The cluster's own record, written once at its first start. */
export interface ClusterInfo {
  readonly clusterId: string
  readonly createdAt: number
}

/**
 * The cluster's certificate authority. Secret: it is in the store so that every coordinator has it.
 */
export interface AuthorityRecord {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

/** What a host proves itself with when it enrolls again; only the hash is kept. */
export interface MachineKey {
  readonly machineKeySha256: string
}

/** Number of the newest desired document of a host. Grows only, also over a node's deletion. */
export interface Generation {
  readonly generation: number
}

/** How many versions of a scope's policy are kept. */
export const KEPT_POLICIES = 20

/** The policies a scope has had, the newest last; at most `KEPT_POLICIES`. */
export interface PolicyHistory {
  readonly versions: readonly PlacementPolicy[]
}

/** A rebalance with what its bandwidth still owes for the moves it has begun. */
export interface RebalanceRecord extends Rebalance {
  readonly owed: {
    readonly bytes: number
    /** Paid off up to here. */
    readonly at: number
  }
}

/** Every kind of record with its type. Ids: see `recordKey`. */
export interface RecordTypes {
  readonly cluster: ClusterInfo
  readonly authority: AuthorityRecord
  readonly node: Node
  readonly generation: Generation
  readonly machine: MachineKey
  readonly inventory: HardwareSection
  readonly pool: StoragePool
  readonly class: StorageClass
  readonly volume: Volume
  readonly snapshot: Snapshot
  readonly virtualMachine: VirtualMachine
  readonly policy: PolicyHistory
  readonly rebalance: RebalanceRecord
  readonly operation: Operation
  readonly event: Event
  readonly joinToken: JoinToken
  readonly userToken: UserToken
}

/** Name of a kind of record. */
export type RecordKind = keyof RecordTypes

/** All kinds, in the order they are loaded: what others refer to comes first. */
export const RECORD_KINDS: readonly RecordKind[] = [
  'cluster',
  'authority',
  'node',
  'generation',
  'machine',
  'inventory',
  'class',
  'pool',
  'volume',
  'snapshot',
  'virtualMachine',
  'policy',
  'rebalance',
  'operation',
  'event',
  'joinToken',
  'userToken',
]

/** A record written, or removed when `value` is undefined. */
export type Write = {
  readonly [K in RecordKind]: {
    readonly kind: K
    readonly id: string
    readonly value: RecordTypes[K] | undefined
  }
}[RecordKind]

/** Store key of a record. Ids are names, `<node>/<pool>`, `<node>/<section>` or a sequence. */
export function recordKey(kind: RecordKind, id: string): string {
  return `${kind}/${id}`
}

/** Kind and id of a store key; DATA_LOSS if the kind is unknown to this version. */
export function parseRecordKey(key: string): { readonly kind: RecordKind; readonly id: string } {
  const slash = key.indexOf('/')
  const kind = key.slice(0, slash) as RecordKind
  if (slash < 0 || !RECORD_KINDS.includes(kind))
    throw new KeelsonError('DATA_LOSS', `store key "${key}" is of no kind this version knows`)
  return { kind, id: key.slice(slash + 1) }
}

/** Id of a pool: names are unique on a host only. */
export function poolId(node: string, name: string): string {
  return `${node}/${name}`
}

/** Id of the policies of a scope: "cluster", "class/<name>" or "tenant/<name>". */
export function policyId(scope: PolicyScope, name: string): string {
  if (scope === 'Cluster') return 'cluster'
  return `${scope === 'Tenant' ? 'tenant' : 'class'}/${name}`
}

/** Id of an event; padded, so that the store's order is the order of events. */
export function eventId(sequence: number): string {
  return String(sequence).padStart(16, '0')
}

const VERSION = 1

/** Upgrade from the version of the key to the next one. Empty while there is only version 1. */
const upgrades: ReadonlyMap<number, (kind: RecordKind, value: unknown) => unknown> = new Map()

/** The text of a record. */
export function encodeRecord(value: RecordTypes[RecordKind]): string {
  return `{"v":${VERSION},"r":${JSON.stringify(value)}}`
}

/** The record of a text, upgraded to the present shape; DATA_LOSS when it cannot be read. */
export function decodeRecord<K extends RecordKind>(
  kind: K,
  id: string,
  text: string,
): RecordTypes[K] {
  let parsed: { v?: unknown; r?: unknown }
  try {
    parsed = JSON.parse(text) as typeof parsed
  } catch (cause) {
    throw new KeelsonError('DATA_LOSS', `record ${recordKey(kind, id)} is not readable`, { cause })
  }
  if (typeof parsed.v !== 'number' || parsed.v > VERSION || typeof parsed.r !== 'object')
    throw new KeelsonError(
      'DATA_LOSS',
      `record ${recordKey(kind, id)} has version ${String(parsed.v)}, this program knows up to ${VERSION}`,
    )
  let value: unknown = parsed.r
  for (let version = parsed.v; version < VERSION; version++)
    value = upgrades.get(version)?.(kind, value) ?? value
  return value as RecordTypes[K]
}
