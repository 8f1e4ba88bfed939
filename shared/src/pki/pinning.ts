/**
 * How a joining agent gets the authority it will trust, from a network it does not trust yet. Its
 * join token carries the authority's fingerprint; the authority itself comes over the wire and is
 * taken only if its public key has that fingerprint.
 *
 * One handshake happens here with Node's own verification off. That is safe for four reasons, and
 * only together: (1) nothing is sent on the connection, neither the token nor anything else, and it
 * is closed at once; (2) the only thing taken from it is a certificate whose key hashes to the pin,
 * so a liar can at most send us the true authority; (3) it must carry that key's own signature, so
 * nobody can dress the right key in another certificate; (4) the caller enrols on a second
 * connection, which verifies everything in the ordinary way with this authority as its only root.
 */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { KeelsonError } from '../errors/index.ts'
import { authorityFingerprint } from './certificate.ts'

/** Limits of the one handshake. */
export interface PinningOptions {
  /** Longest wait for the handshake; 10 s unless told. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/**
 * The PEM of the authority that `address` ("host:port") presents, when it is the pinned one. Raises
 * UNAVAILABLE when nobody answers, UNAUTHENTICATED when it is somebody else's coordinator,
 * INVALID_ARGUMENT for an address that is not one.
 */
export async function fetchPinnedAuthority(
  address: string,
  fingerprint: string,
  options: PinningOptions = {},
): Promise<string> {
  const chain = await presentedChain(address, options)
  const leaf = chain[0]
  const authority = chain.find((certificate) => certificate.ca)
  const presents = authority ? `CA sha256:${authorityFingerprint(authority)}` : 'no CA'
  if (!leaf || !authority || authorityFingerprint(authority) !== fingerprint)
    throw new KeelsonError(
      'UNAUTHENTICATED',
      `coordinator at ${address} presents ${presents} ` +
        `but the join token pins sha256:${fingerprint}`,
    )
  if (!authority.verify(authority.publicKey) || !leaf.verify(authority.publicKey))
    throw new KeelsonError(
      'UNAUTHENTICATED',
      `coordinator at ${address} presents the pinned CA, but its certificates are not signed by it`,
    )
  return authority.toString()
}

/** The certificates the other side sent, leaf first. */
function presentedChain(address: string, options: PinningOptions): Promise<X509Certificate[]> {
  const { host, port } = splitAddress(address)
  const timeoutMs = options.timeoutMs ?? 10_000
  return new Promise((resolve, reject) => {
    const timeout = AbortSignal.timeout(timeoutMs)
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
    const socket = connect({
      host,
      port,
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false, // See the head of this file.
      ...(isIP(host) ? {} : { servername: host }),
    })
    const finish = (act: () => void) => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      act()
    }
    const unreachable = (cause: unknown) =>
      new KeelsonError('UNAVAILABLE', `cannot reach coordinator at ${address}`, { cause })
    const onAbort = () =>
      finish(() => {
        if (!timeout.aborted) return reject(new KeelsonError('CANCELLED', 'joining was cancelled'))
        reject(unreachable(new Error(`no TLS handshake within ${timeoutMs} ms`)))
      })
    socket.once('secureConnect', () => {
      const chain = readChain(socket)
      finish(() => resolve(chain))
    })
    // Stays for the socket's life: an error after `destroy` is nobody's business.
    socket.on('error', (cause) => finish(() => reject(unreachable(cause))))
    socket.once('close', () => finish(() => reject(unreachable(new Error('connection closed')))))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}

function readChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  // The last certificate of a complete chain is its own issuer.
  while (at?.raw && chain.length < 8 && !chain.some((seen) => seen.raw.equals(at!.raw))) {
    chain.push(new X509Certificate(at.raw))
    at = at.issuerCertificate
  }
  return chain
}

function splitAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (!host || !(port > 0 && port < 65_536))
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(address)} is no address (host:port)`,
    )
  return { host, port }
}
