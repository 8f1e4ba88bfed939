/**
 * Who a call comes from. There are two ways to prove it and no third: a certificate of the
 * cluster's authority says which node an agent speaks for, a bearer token says which user asks.
 */

/** What a user may do: `admin` everything, `viewer` only read. */
export type Role = 'admin' | 'viewer'

/** The agent of one node, proved by a client certificate. It may speak only for that node. */
export interface NodeIdentity {
  readonly kind: 'node'
  /** Name of the node, as in `Node.meta.name`. */
  readonly node: string
}

/** A person or a program, proved by a bearer token. */
export interface UserIdentity {
  readonly kind: 'user'
  readonly name: string
  readonly role: Role
}

/** Nobody: neither a certificate nor a token. Enrolling is all it may do. */
export interface AnonymousIdentity {
  readonly kind: 'anonymous'
}

/** Every caller there is. */
export type Identity = NodeIdentity | UserIdentity | AnonymousIdentity
