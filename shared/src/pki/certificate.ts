/**
 * Reading certificates: whom one names, until when, and which authority it pins. Only node:crypto
 * is used here, because agents run this code and have no memory to spare for a certificate library.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { KeelsonError } from '../errors/index.ts'
import type { Clock } from '../runtime/index.ts'
import type { NodeIdentity } from './identity.ts'

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const NODE_NAME = /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/
const CLUSTER_ID = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

/** A certificate, or a chain of them with the leaf first, and the private key of the leaf. */
export interface KeyPairPem {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

/** The only name that counts in an agent's certificate: its URI. Raises INVALID_ARGUMENT. */
export function nodeUri(clusterId: string, node: string): string {
  if (!CLUSTER_ID.test(clusterId))
    throw new KeelsonError('INVALID_ARGUMENT', `${JSON.stringify(clusterId)} is no cluster id`)
  if (!NODE_NAME.test(node))
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(node)} is no node name (a-z, 0-9, '-' and '.', at most 63 characters)`,
    )
  return `keelson://${clusterId}/node/${node}`
}

/**
 * The node that a client certificate speaks for. The caller has let TLS verify the chain up to the
 * cluster's authority; the validity is looked at again, because a connection outlives a handshake.
 * Raises UNAUTHENTICATED for a certificate of another cluster, of another kind or out of date.
 */
export function identityOf(
  certificateDer: Uint8Array,
  clusterId: string,
  clock: Clock,
): NodeIdentity {
  const certificate = parse(certificateDer)
  const names = certificate.subjectAltName ?? ''
  const node = names.slice(names.lastIndexOf('/') + 1)
  // The authority writes exactly one name. Comparing the whole text leaves no room for a second.
  if (!NODE_NAME.test(node) || names !== `URI:${nodeUri(clusterId, node)}`)
    throw refused(`it names ${names || 'nobody'}, not a node of cluster ${clusterId}`)
  if (certificate.ca || !(certificate.keyUsage ?? []).includes(CLIENT_AUTH))
    throw refused('it is not made for clients')
  const { notBefore, notAfter } = validityOf(certificate)
  const now = clock.now()
  if (now < notBefore) throw refused(`it is not valid before ${new Date(notBefore).toISOString()}`)
  if (now > notAfter) throw refused(`it expired at ${new Date(notAfter).toISOString()}`)
  return { kind: 'node', node }
}

/** First and last moment of a certificate (the first of a chain), in epoch milliseconds. */
export function validityOf(certificate: string | X509Certificate): {
  readonly notBefore: number
  readonly notAfter: number
} {
  const { validFromDate, validToDate } =
    typeof certificate === 'string' ? parse(certificate) : certificate
  return { notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() }
}

/**
 * When to renew a certificate: after two thirds of its life, which leaves the last third for a
 * coordinator that is away.
 */
export function renewalTime(certificatePem: string): number {
  const { notBefore, notAfter } = validityOf(certificatePem)
  return notBefore + Math.floor(((notAfter - notBefore) * 2) / 3)
}

/** SHA-256 in hex of an authority's public key: stays the same when its certificate is renewed. */
export function authorityFingerprint(certificate: string | X509Certificate): string {
  const { publicKey } = typeof certificate === 'string' ? parse(certificate) : certificate
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

function parse(certificate: string | Uint8Array): X509Certificate {
  try {
    return new X509Certificate(certificate)
  } catch (cause) {
    throw new KeelsonError('UNAUTHENTICATED', 'not a certificate', { cause })
  }
}

function refused(why: string): KeelsonError {
  return new KeelsonError('UNAUTHENTICATED', `client certificate refused: ${why}`)
}
