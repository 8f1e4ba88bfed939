/**
 * Keeps the host a member: joins when it is not, renews the certificate in time, and joins again
 * when that did not happen. Nothing here ever stops the agent. A host without a certificate is cut
 * off from the coordinator, but its volumes are served all the same.
 */
import { KeelsonError } from '@keelson/shared/errors'
import { type CertificateSource, createCertificateSource } from '@keelson/shared/grpc'
import type { Logger } from '@keelson/shared/logging'
import { parseJoinToken, renewalTime, validityOf } from '@keelson/shared/pki'
import {
  type Clock,
  createKeyedQueue,
  type LoopStatus,
  type Rng,
  startReconcileLoop,
} from '@keelson/shared/runtime'
import { enroll, renew } from './enrollment.ts'
import type { Identity, IdentityStore } from './identity.ts'

/** What credentials need. */
export interface CredentialsOptions {
  readonly store: IdentityStore
  readonly node: string
  readonly servers: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** Text of the join token, read anew each time; undefined if there is none. */
  readonly joinToken: () => Promise<string | undefined>
  /** Cluster whose data the host holds; empty for none. */
  readonly heldCluster: () => string
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Pick<Logger, 'info' | 'warn'>
}

/** The host's proof of who it is. */
export interface Credentials {
  /**
   * What to connect with; joins first if need be. Raises FAILED_PRECONDITION or UNAUTHENTICATED
   * when a person has to do something, and whatever joining raises.
   */
  source(signal: AbortSignal): Promise<CertificateSource>
  /** The coordinator said that it does not know this host: a new join token may be used. */
  disowned(): void
  status(): LoopStatus
  stop(): Promise<void>
}

/** How often it is looked whether the certificate is to be renewed. */
const RENEWAL_CHECK_MS = 60_000
const RENEWAL_BACKOFF = { initialMs: 10_000, maximumMs: 600_000 }

/** Starts to keep a host's credentials. */
export function createCredentials(options: CredentialsOptions): Credentials {
  const { clock, log, node, servers, store } = options
  const queue = createKeyedQueue(1)
  let identity: Identity | undefined
  let source: CertificateSource | undefined
  let isDisowned = false

  async function take(next: Identity): Promise<CertificateSource> {
    await store.save(next)
    return use(next)
  }

  /** Shows `next` from now on, to everybody who holds the source already too. */
  function use(next: Identity): CertificateSource {
    if (source !== undefined && identity?.authorityPem === next.authorityPem) source.replace(next)
    else source = createCertificateSource(next.authorityPem, next)
    identity = next
    return source
  }

  async function ready(signal: AbortSignal): Promise<CertificateSource> {
    if (identity === undefined) {
      const stored = await store.load()
      if (stored !== undefined) use(stored)
    }
    if (identity === undefined) return join(signal, notJoined())
    if (isExpired(identity)) return join(signal, expired(identity))
    const text = isDisowned ? await options.joinToken() : undefined
    if (text !== undefined && parseJoinToken(text).id !== identity.joinTokenId)
      return join(signal, notJoined())
    return source ?? use(identity)
  }

  async function join(signal: AbortSignal, otherwise: KeelsonError): Promise<CertificateSource> {
    const joinToken = await options.joinToken()
    if (joinToken === undefined) throw otherwise
    const machineKey = await store.machineKey()
    const clusterId = options.heldCluster()
    const { labels } = options
    const next = await enroll({ servers, joinToken, node, labels, machineKey, clusterId, signal })
    isDisowned = false
    log.info({ node, clusterId: next.clusterId, until: endOf(next) }, 'joined the cluster')
    return take(next)
  }

  function isExpired({ certificatePem }: Identity): boolean {
    return clock.now() >= validityOf(certificatePem).notAfter
  }

  async function renewIfDue(signal: AbortSignal): Promise<void> {
    if (identity === undefined || source === undefined || isExpired(identity)) return
    if (clock.now() < renewalTime(identity.certificatePem)) return
    const next = await renew(identity, source, servers, signal)
    await take(next)
    log.info({ until: endOf(next) }, 'certificate renewed')
  }

  const loop = startReconcileLoop({
    name: 'certificate',
    clock,
    rng: options.rng,
    periodMs: RENEWAL_CHECK_MS,
    backoff: RENEWAL_BACKOFF,
    pass: (signal) => queue.run('identity', () => renewIfDue(signal)),
    onError: (error) => log.warn({ err: error }, 'certificate not renewed'),
  })
  return {
    source: (signal) => queue.run('identity', () => ready(signal)),
    disowned() {
      isDisowned = true
    },
    status: loop.status,
    stop: loop.stop,
  }
}

/** What to do about a host that cannot prove who it is. */
export const JOIN_ADVICE: readonly string[] = [
  'make a join token: keelson cluster join-token create',
  'give it to the agent: --join-token-file FILE, or KEELSON_JOIN_TOKEN',
]

function notJoined(): KeelsonError {
  return new KeelsonError('FAILED_PRECONDITION', 'this host has not joined a cluster', {
    details: JOIN_ADVICE,
  })
}

function expired(identity: Identity): KeelsonError {
  return new KeelsonError(
    'UNAUTHENTICATED',
    `the certificate of this host expired at ${endOf(identity)}`,
    { details: [...JOIN_ADVICE, 'until then its volumes are served as they were'] },
  )
}

function endOf({ certificatePem }: Identity): string {
  return new Date(validityOf(certificatePem).notAfter).toISOString()
}
