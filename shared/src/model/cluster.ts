/** What a user may do. */
export type Role = 'admin' | 'viewer'

/** A broken invariant. */
export interface Violation {
  /** Name of the rule. */
  readonly rule: string
  /** What breaks it, such as "volume/data". */
  readonly subject: string
  readonly message: string
}

/** A token hosts join with; only the hash of its secret is kept. */
export interface JoinToken {
  readonly id: string
  readonly secretSha256: string
  readonly expiresAt: number
  /** Hosts that may still join with it; absent means any number. */
  readonly usesLeft?: number
  /** The only host that may join with it; empty for any. */
  readonly node: string
}

/** A user's bearer token; only the hash of its secret is kept. */
export interface UserToken {
  readonly id: string
  readonly secretSha256: string
  readonly user: string
  readonly role: Role
  readonly createdAt: number
  readonly expiresAt?: number
}

/** One reconcile loop of the coordinator. */
export interface ControllerStatus {
  readonly name: string
  readonly passes: number
  readonly lastStartedAt?: number
  readonly lastDurationMs: number
  readonly lastError: string
}

/** The cluster as a whole. */
export interface ClusterStatus {
  readonly clusterId: string
  readonly version: string
  readonly storeEngine: string
  readonly revision: number
  readonly storeSizeBytes: number
  readonly servingSince: number
  readonly startMs: number
  /** Such as "nodes.online". */
  readonly counts: Readonly<Record<string, number>>
  readonly caExpiresAt: number
  readonly lastBackupAt?: number
  readonly controllers: readonly ControllerStatus[]
}
