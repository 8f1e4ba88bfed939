import type { Condition, ObjectMeta } from './meta.ts'
import type { PlacementRules, ReplicaRule, TieBreakerMode } from './placement-demand.ts'

/** Life of a volume, derived from its replicas by `volumePhase`. */
export type VolumePhase = 'Pending' | 'Ready' | 'Degraded' | 'Failed' | 'Deleting'

/** What a replica is for: data, reach over the network, or a vote only. */
export type ReplicaRole = 'Diskful' | 'Diskless' | 'TieBreaker'

/** Life of a replica on its host; Unknown while the host is offline. */
export type ReplicaPhase = 'Pending' | 'Ready' | 'Failed' | 'Unknown' | 'Deleting'

/** What is wanted of a volume. */
export interface VolumeSpec {
  /** Multiple of 4096. */
  readonly sizeBytes: number
  readonly storageClass: string
  readonly pool: string
  readonly replicas: number
  /** Only these hosts; empty allows all. */
  readonly nodes: readonly string[]
  /** Snapshot it starts as a copy of; empty starts with zeros. */
  readonly sourceSnapshot: string
  /** Absent binds it to nothing. */
  readonly rules?: PlacementRules
  /** Besides the rule of the class. */
  readonly replicaRules?: readonly ReplicaRule[]
  /** Absent means Auto. */
  readonly tieBreakerMode?: TieBreakerMode
}

/** One copy or witness of a volume on one host. */
export interface Replica {
  readonly node: string
  readonly pool: string
  readonly role: ReplicaRole
  readonly phase: ReplicaPhase
  readonly devicePath: string
  readonly kernelDevice: string
  readonly allocatedBytes: number
  readonly sizeBytes: number
  readonly message: string
  readonly drbdNodeId?: number
  readonly drbdMinor?: number
  readonly drbdPort?: number
  readonly reportedAt?: number
}

/** Where a volume is and how it fares. */
export interface VolumeStatus {
  readonly phase: VolumePhase
  readonly conditions: readonly Condition[]
  readonly replicas: readonly Replica[]
  /** Size every replica has reached. */
  readonly actualSizeBytes: number
  /** The replica on its way to another host; absent unless one is. */
  readonly move?: ReplicaMove
}

/** A replica on its way: added and made equal in the new place before it leaves the old one. */
export interface ReplicaMove {
  readonly fromNode: string
  readonly toNode: string
  /** Name of the operation. */
  readonly operation: string
}

/** A block device with one or more copies of its data. */
export interface Volume {
  readonly meta: ObjectMeta
  readonly spec: VolumeSpec
  readonly status: VolumeStatus
}

/** Volume sizes are multiples of this, so that every backing store can make exactly the size. */
export const VOLUME_ALIGNMENT_BYTES = 4096

/**
 * Whether a host has reported the replica made at any time. It stays true: a replica that is not
 * there at present keeps its size, and its host must not make an empty one in its place.
 */
export function wasMade(replica: Replica): boolean {
  return replica.sizeBytes > 0
}

/**
 * Whether the replica has been added by a move and does not count yet: the one it replaces is
 * still kept.
 */
export function isJoining({ status }: Volume, replica: Replica): boolean {
  const { move, replicas } = status
  if (move?.toNode !== replica.node) return false
  return replicas.some(({ node, phase }) => node === move.fromNode && phase !== 'Deleting')
}

/** The replicas that make the volume what it is: all but one that a move has added. */
export function countedReplicas(volume: Volume): readonly Replica[] {
  return volume.status.replicas.filter((replica) => !isJoining(volume, replica))
}

/** Whether a replica holds data. */
export function isDiskful({ role }: Pick<Replica, 'role'>): boolean {
  return role === 'Diskful'
}

/**
 * The phase a volume has because of its replicas. One that lacks its tie-breaker is Degraded as if
 * it lacked a copy: the next loss may stop it. A tie-breaker alone makes nothing usable.
 */
export function volumePhase(deleting: boolean, replicas: readonly Replica[]): VolumePhase {
  if (deleting) return 'Deleting'
  const kept = replicas.filter((replica) => replica.phase !== 'Deleting')
  if (kept.length > 0 && kept.every((replica) => replica.phase === 'Ready')) return 'Ready'
  const copies = kept.filter(isDiskful)
  if (copies.some((replica) => replica.phase === 'Ready')) return 'Degraded'
  return copies.some((replica) => replica.phase === 'Pending') ? 'Pending' : 'Failed'
}
