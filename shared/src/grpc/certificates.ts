/**
 * The certificate a process shows, kept in memory and replaceable while it runs: agents renew
 * theirs every few days, and a coordinator must not drop its connections to take up a new one.
 * Handshakes after `replace` use the new certificate; connections made before live on.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { experimental } from '@grpc/grpc-js'
import { KeelsonError } from '../errors/index.ts'
import type { KeyPairPem } from '../pki/index.ts'

/** What a process shows, and whom it believes. */
export interface CertificateSource {
  /** What the next handshake shows. */
  current(): KeyPairPem
  /** Shows `next` from now on. Raises INVALID_ARGUMENT, and keeps the old, when it is unusable. */
  replace(next: KeyPairPem): void
  /** For the transport. */
  readonly provider: experimental.CertificateProvider
}

/**
 * A source that begins with `initial` and has the other side verified against the authority. Raises
 * INVALID_ARGUMENT when either is unusable.
 */
export function createCertificateSource(
  authorityPem: string,
  initial: KeyPairPem,
): CertificateSource {
  const listeners = new Set<experimental.IdentityCertificateUpdateListener>()
  const caCertificate = Buffer.from(authorityPem)
  let pair = usable(initial, authorityPem)
  const update = () => ({
    certificate: Buffer.from(pair.certificatePem),
    privateKey: Buffer.from(pair.privateKeyPem),
  })
  return {
    current: () => pair,
    replace(next) {
      pair = usable(next, authorityPem)
      for (const listener of listeners) listener(update())
    },
    provider: {
      // The transport must have finished subscribing before it is told, or it forgets the news.
      addCaCertificateListener: (listener) => process.nextTick(listener, { caCertificate }),
      removeCaCertificateListener: () => undefined,
      addIdentityCertificateListener(listener) {
        listeners.add(listener)
        process.nextTick(() => listener(update()))
      },
      removeIdentityCertificateListener: (listener) => listeners.delete(listener),
    },
  }
}

/** The transport only logs a pair it cannot use, and then refuses every connection. */
function usable(pair: KeyPairPem, authorityPem: string): KeyPairPem {
  try {
    new X509Certificate(authorityPem)
    const key = createPrivateKey(pair.privateKeyPem)
    if (!new X509Certificate(pair.certificatePem).checkPrivateKey(key))
      throw new Error('the private key belongs to another certificate')
    return pair
  } catch (cause) {
    throw new KeelsonError('INVALID_ARGUMENT', 'unusable certificate', { cause })
  }
}
