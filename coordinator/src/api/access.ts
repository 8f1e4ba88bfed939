/** Who may call what. Every handler passes through one of these. */
import { KeelsonError } from '@keelson/shared/errors'
import type { CallContext } from '@keelson/shared/grpc'

/** Name of the caller for events: "user/ada". Raises PERMISSION_DENIED for viewers. */
export function admin({ identity, method }: CallContext): string {
  if (identity.kind === 'user' && identity.role === 'admin') return `user/${identity.name}`
  return refuse(identity, method, 'the role admin')
}

/** Lets any user read. */
export function reader({ identity, method }: CallContext): void {
  if (identity.kind !== 'user') refuse(identity, method, 'a user token')
}

/** Name of the host whose agent calls. */
export function agent({ identity, method }: CallContext): string {
  if (identity.kind === 'node') return identity.node
  return refuse(identity, method, "a node's client certificate that is valid and of this cluster")
}

function refuse(identity: CallContext['identity'], method: string, needed: string): never {
  const name = method.slice(method.lastIndexOf('.') + 1)
  if (identity.kind === 'anonymous')
    throw new KeelsonError('UNAUTHENTICATED', `${name} needs ${needed}`)
  const who =
    identity.kind === 'user' ? `${identity.role} "${identity.name}"` : `node "${identity.node}"`
  throw new KeelsonError('PERMISSION_DENIED', `${who} may not call ${name}: it needs ${needed}`)
}
