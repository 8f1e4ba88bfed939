/** The two calls that get a host a certificate: first with a join token, then with the old one. */
import {
  EnrollmentServiceService,
  type EnrollResponse,
  type RenewCertificateResponse,
} from '@keelson/shared/agent-api'
import { KeelsonError } from '@keelson/shared/errors'
import {
  type CertificateSource,
  callUnary,
  createCertificateSource,
  createChannel,
} from '@keelson/shared/grpc'
import { createSigningRequest, fetchPinnedAuthority, parseJoinToken } from '@keelson/shared/pki'
import type { Identity } from './identity.ts'

/** A host that wants to join. */
export interface EnrollmentRequest {
  /** "host:port" of the coordinators. */
  readonly servers: readonly string[]
  /** Text of the join token. */
  readonly joinToken: string
  readonly node: string
  readonly labels: Readonly<Record<string, string>>
  readonly machineKey: string
  /** Cluster whose data the host holds; empty for none. */
  readonly clusterId: string
  readonly signal: AbortSignal
}

/**
 * Joins. Raises what the coordinator says (UNAUTHENTICATED for a token it does not take,
 * ALREADY_EXISTS when another host has the name), INVALID_ARGUMENT for a text that is no token,
 * FAILED_PRECONDITION when the host holds another cluster's data.
 */
export async function enroll(request: EnrollmentRequest): Promise<Identity> {
  const { servers, node, signal } = request
  const token = parseJoinToken(request.joinToken)
  const authorityPem = await firstAnswer(servers, (server) =>
    fetchPinnedAuthority(server, token.fingerprint, { signal }),
  )
  const { csrPem, privateKeyPem } = createSigningRequest(node)
  const channel = createChannel({ servers, authorityPem })
  let response: EnrollResponse
  try {
    const { machineKey, labels } = request
    const joinToken = request.joinToken.trim()
    response = await callUnary(
      channel,
      EnrollmentServiceService.enroll,
      { joinToken, node, csrPem, labels: { ...labels }, machineKey },
      { signal },
    )
  } finally {
    channel.close()
  }
  const { clusterId, certificatePem } = response
  if (request.clusterId !== '' && request.clusterId !== clusterId)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `this host holds data of cluster ${request.clusterId}, the join token is of ${clusterId}`,
      { details: ['to join another cluster, start with another data directory'] },
    )
  const identity = { node, clusterId, certificatePem, privateKeyPem, authorityPem }
  checkUsable(identity)
  return { ...identity, joinTokenId: token.id }
}

/**
 * The identity with a new key and certificate. The connection is one of its own: an old one would
 * go on showing the certificate it was made with, long expired by the time of the next renewal.
 */
export async function renew(
  identity: Identity,
  source: CertificateSource,
  servers: readonly string[],
  signal: AbortSignal,
): Promise<Identity> {
  const { csrPem, privateKeyPem } = createSigningRequest(identity.node)
  const channel = createChannel({ servers, certificates: source })
  let response: RenewCertificateResponse
  try {
    response = await callUnary(
      channel,
      EnrollmentServiceService.renewCertificate,
      { csrPem },
      { signal },
    )
  } finally {
    channel.close()
  }
  const { certificatePem, caPem } = response
  const next = { ...identity, certificatePem, privateKeyPem, authorityPem: caPem }
  checkUsable(next)
  return next
}

/** Nothing that could not be used is stored. */
function checkUsable(pair: Pick<Identity, 'authorityPem' | 'certificatePem' | 'privateKeyPem'>) {
  createCertificateSource(pair.authorityPem, pair)
}

async function firstAnswer<T>(
  servers: readonly string[],
  ask: (server: string) => Promise<T>,
): Promise<T> {
  const failures: KeelsonError[] = []
  for (const server of servers) {
    try {
      return await ask(server)
    } catch (error) {
      const known = KeelsonError.from(error)
      if (known.code !== 'UNAVAILABLE') throw known
      failures.push(known)
    }
  }
  const [first] = failures
  if (first !== undefined && failures.length === 1) throw first
  throw new KeelsonError('UNAVAILABLE', `none of ${failures.length} coordinators answers`, {
    details: failures.map(({ message }) => message),
  })
}
