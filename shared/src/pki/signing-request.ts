/**
 * The agent's half of enrolling: a key that never leaves the host, and a request (PKCS #10) that
 * proves the agent holds it. The request is thirty bytes of structure around the public key, so it
 * is written here rather than by the certificate library, which costs an agent 20 MiB of memory.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { nodeUri } from './certificate.ts'

/** A certificate signing request and the private key it belongs to. */
export interface SigningRequest {
  readonly csrPem: string
  /** PKCS #8; belongs in a file of mode 0600 and nowhere else. */
  readonly privateKeyPem: string
}

const SEQUENCE = 0x30
const SET = 0x31
const INTEGER = 0x02
const BIT_STRING = 0x03
const OBJECT_ID = 0x06
const UTF8_STRING = 0x0c
const ATTRIBUTES = 0xa0
/** 2.5.4.3, id-at-commonName. */
const COMMON_NAME = Buffer.from('550403', 'hex')
/** 1.2.840.10045.4.3.2, ecdsa-with-SHA256. */
const ECDSA_WITH_SHA256 = Buffer.from('2a8648ce3d040302', 'hex')

/**
 * Makes a P-256 key and a request for `nodeName`. The name in the request is for people who read
 * it; the authority decides what the certificate says. Raises INVALID_ARGUMENT for a bad name.
 */
export function createSigningRequest(nodeName: string): SigningRequest {
  nodeUri('any', nodeName)
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = der(
    SEQUENCE,
    der(SET, der(SEQUENCE, der(OBJECT_ID, COMMON_NAME), der(UTF8_STRING, Buffer.from(nodeName)))),
  )
  const info = der(
    SEQUENCE,
    der(INTEGER, Buffer.from([0])),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(ATTRIBUTES),
  )
  const request = der(
    SEQUENCE,
    info,
    der(SEQUENCE, der(OBJECT_ID, ECDSA_WITH_SHA256)),
    // The leading zero counts the unused bits of the last byte.
    der(BIT_STRING, Buffer.from([0]), sign('sha256', info, privateKey)),
  )
  return {
    csrPem: pem('CERTIFICATE REQUEST', request),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** One DER value: tag, length, contents. */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents)
  const length =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
