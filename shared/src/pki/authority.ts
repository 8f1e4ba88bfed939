/**
 * The cluster's own certificate authority, made by the coordinator on its first start. It signs two
 * kinds of certificate that cannot stand in for each other: a coordinator's serves and never calls,
 * an agent's calls, never serves, and names exactly one node.
 *
 * The certificate library is loaded on first use: coordinators need it, agents only read the
 * certificates made here.
 */
import { createPrivateKey, type webcrypto, X509Certificate } from 'node:crypto'
import { assert, KeelsonError } from '../errors/index.ts'
import type { Clock, Rng } from '../runtime/index.ts'
import { authorityFingerprint, type KeyPairPem, nodeUri, validityOf } from './certificate.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
/** Certificates begin a little before they are made, for hosts whose clock is behind. */
const BACKDATED_MS = 5 * 60_000
const DAY_MS = 24 * 3_600_000
const AUTHORITY_VALID_FOR_MS = 3650 * DAY_MS
/** How long an agent's certificate lives unless told: there is no revocation list to forget. */
export const AGENT_CERTIFICATE_VALID_FOR_MS = DAY_MS
/** A request of this project has under 600 bytes. */
const REQUEST_LIMIT_BYTES = 16_384

/** An authority ready to sign. Its key stays inside. */
export interface Authority {
  readonly certificatePem: string
  /** What join tokens pin: SHA-256 of the public key, in hex. */
  readonly fingerprint: string
  /** Signs; for this file's functions. */
  readonly sign: (request: CertificateRequest) => Promise<string>
}

type CryptoKey = webcrypto.CryptoKey

/** What goes into one certificate. */
export interface CertificateRequest {
  readonly commonName: string
  /** The subject's key: SPKI in DER, or a CryptoKey. */
  readonly publicKey: Uint8Array<ArrayBuffer> | CryptoKey
  readonly usage: 'serverAuth' | 'clientAuth'
  readonly names: readonly { readonly type: 'dns' | 'ip' | 'url'; readonly value: string }[]
  readonly validForMs: number
}

/** Where an authority takes time and serial numbers from. */
export interface AuthorityOptions {
  readonly clock: Clock
  readonly rng: Rng
}

/**
 * Makes a new authority named after its cluster. The private key belongs in a file of mode 0600.
 * Raises INVALID_ARGUMENT for a name with anything but letters, digits, spaces and `._-`.
 */
export async function createAuthority(
  options: AuthorityOptions & { readonly name: string },
): Promise<KeyPairPem> {
  const x509 = await library()
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: commonName(options.name),
    serialNumber: serialNumber(options.rng),
    ...period(options.clock, AUTHORITY_VALID_FOR_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificatePem: toPem(certificate), privateKeyPem: await exportKey(keys.privateKey) }
}

/** Takes up a stored authority. Raises DATA_LOSS when they do not belong together. */
export async function loadAuthority(
  pair: KeyPairPem,
  { clock, rng }: AuthorityOptions,
): Promise<Authority> {
  const x509 = await library()
  const { certificatePem } = pair
  const { issuer, signingKey, notAfter } = await readPair(pair)
  return {
    certificatePem,
    fingerprint: authorityFingerprint(certificatePem),
    async sign(request) {
      assert(request.validForMs > 0, `validForMs is ${request.validForMs}`)
      const certificate = await x509.X509CertificateGenerator.create({
        subject: commonName(request.commonName),
        issuer: issuer.subjectName,
        serialNumber: serialNumber(rng),
        ...period(clock, request.validForMs, notAfter),
        publicKey: request.publicKey,
        signingKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[request.usage]]),
          new x509.SubjectAlternativeNameExtension([...request.names]),
          await x509.AuthorityKeyIdentifierExtension.create(issuer),
        ],
      })
      return toPem(certificate)
    },
  }
}

/** What a coordinator's certificate is for: the names and addresses people reach it under. */
export interface ServerCertificateRequest {
  readonly commonName: string
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly validForMs: number
}

/**
 * A new key and certificate for a coordinator. The PEM is the chain, leaf first and authority last,
 * because a joining agent recognises the authority in what the coordinator presents.
 */
export async function issueServerCertificate(
  authority: Authority,
  request: ServerCertificateRequest,
): Promise<KeyPairPem> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const leaf = await authority.sign({
    commonName: request.commonName,
    publicKey: keys.publicKey,
    usage: 'serverAuth',
    names: [
      ...request.dnsNames.map((value) => ({ type: 'dns' as const, value })),
      ...request.ipAddresses.map((value) => ({ type: 'ip' as const, value })),
    ],
    validForMs: request.validForMs,
  })
  return {
    certificatePem: leaf + authority.certificatePem,
    privateKeyPem: await exportKey(keys.privateKey),
  }
}

/** Whom an agent's certificate names; the caller has decided that the requester is this node. */
export interface AgentCertificateRequest {
  readonly nodeName: string
  readonly clusterId: string
  readonly validForMs?: number
}

/**
 * Signs an agent's request. Only the public key is taken from it, and only after its signature
 * proves that the sender holds the private key; name, use and lifetime are the caller's. Raises
 * INVALID_ARGUMENT for a request that is not one, or whose key is not P-256.
 */
export async function signAgentCertificate(
  authority: Authority,
  csrPem: string,
  request: AgentCertificateRequest,
): Promise<string> {
  const uri = nodeUri(request.clusterId, request.nodeName)
  return authority.sign({
    commonName: request.nodeName,
    publicKey: await provenKey(csrPem),
    usage: 'clientAuth',
    names: [{ type: 'url', value: uri }],
    validForMs: request.validForMs ?? AGENT_CERTIFICATE_VALID_FOR_MS,
  })
}

async function provenKey(csrPem: string): Promise<Uint8Array<ArrayBuffer>> {
  const x509 = await library()
  const problem = (why: string, cause?: unknown) =>
    new KeelsonError('INVALID_ARGUMENT', `certificate signing request refused: ${why}`, { cause })
  if (csrPem.length > REQUEST_LIMIT_BYTES)
    throw problem(`${csrPem.length} bytes, more than ${REQUEST_LIMIT_BYTES}`)
  try {
    const csr = new x509.Pkcs10CertificateRequest(csrPem)
    const { name, namedCurve } = csr.publicKey.algorithm as webcrypto.EcKeyAlgorithm
    if (name !== ALGORITHM.name || namedCurve !== ALGORITHM.namedCurve)
      throw problem(`its key is ${namedCurve ?? name}, not P-256`)
    if (!(await csr.verify())) throw problem('it is not signed with its own key')
    return new Uint8Array(csr.publicKey.rawData)
  } catch (error) {
    throw error instanceof KeelsonError ? error : problem('it cannot be read', error)
  }
}

async function readPair({ certificatePem, privateKeyPem }: KeyPairPem) {
  const x509 = await library()
  try {
    const certificate = new X509Certificate(certificatePem)
    const privateKey = createPrivateKey(privateKeyPem)
    if (!certificate.ca) throw new Error('the certificate is not an authority')
    if (!certificate.checkPrivateKey(privateKey))
      throw new Error('the private key is not the certificate’s')
    const pkcs8 = new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' }))
    return {
      issuer: new x509.X509Certificate(certificatePem),
      signingKey: await crypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']),
      notAfter: validityOf(certificate).notAfter,
    }
  } catch (cause) {
    throw new KeelsonError('DATA_LOSS', 'the authority’s keys are damaged', { cause })
  }
}

/** First and last moment, cut to seconds as certificates do, and never past the issuer's end. */
function period(clock: Clock, validForMs: number, latest = Number.POSITIVE_INFINITY) {
  const now = clock.now()
  return {
    notBefore: new Date(Math.floor((now - BACKDATED_MS) / 1000) * 1000),
    notAfter: new Date(Math.floor(Math.min(now + validForMs, latest) / 1000) * 1000),
  }
}

/** A subject of one common name, without the characters that mean something inside such names. */
function commonName(name: string): { CN: string[] }[] {
  if (!/^[\w][\w .-]{0,63}$/.test(name))
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(name)} cannot stand in a certificate (letters, digits, ' ', '.', '_', '-')`,
    )
  return [{ CN: [name] }]
}

/** 128 random bits whose first nibble makes the number positive and of full length. */
function serialNumber(rng: Rng): string {
  return `4${rng.hex(16).slice(1)}`
}

function toPem(certificate: { toString(format: 'pem'): string }): string {
  return `${certificate.toString('pem').trim()}\n`
}

async function exportKey(key: CryptoKey): Promise<string> {
  const base64 = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64')
  const lines = base64.match(/.{1,64}/g) ?? []
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`
}

/** The library finds its parts by decorators, which want this polyfill loaded first. */
async function library(): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata')
  return import('@peculiar/x509')
}
