import 'reflect-metadata'
import { createPublicKey, X509Certificate } from 'node:crypto'
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import { type Clock, seededRng, systemRng } from '../runtime/index.ts'
import {
  type Authority,
  createAuthority,
  issueServerCertificate,
  loadAuthority,
  signAgentCertificate,
} from './authority.ts'
import { authorityFingerprint, identityOf, renewalTime, validityOf } from './certificate.ts'
import { createSigningRequest } from './signing-request.ts'

const START = Date.UTC(2030, 0, 1)
const DAY_MS = 86_400_000

function clockAt(now: number): Clock {
  return {
    now: () => now,
    after: () => {
      throw new Error('nothing here waits')
    },
  }
}

const options = { clock: clockAt(START), rng: systemRng }

async function authority(name = 'keelson'): Promise<Authority> {
  return loadAuthority(await createAuthority({ name, ...options }), options)
}

function der(pem: string): Buffer {
  return new X509Certificate(pem).raw
}

async function agentCertificate(from: Authority, nodeName = 'n1', clusterId = 'c1') {
  return signAgentCertificate(from, createSigningRequest(nodeName).csrPem, { nodeName, clusterId })
}

describe('authority', () => {
  it('is a P-256 authority for leaves only, and survives being written to files', async () => {
    const pair = await createAuthority({ name: 'rack 1.a_b', ...options })
    const certificate = new X509Certificate(pair.certificatePem)
    expect(certificate.ca).toBe(true)
    expect(certificate.subject).toBe('CN=rack 1.a_b')
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    const loaded = await loadAuthority(pair, options)
    expect(loaded.certificatePem).toBe(pair.certificatePem)
    expect(loaded.fingerprint).toBe(authorityFingerprint(pair.certificatePem))
    expect(loaded.fingerprint).toMatch(/^[0-9a-f]{64}$/)
  })

  it.each(['a, O=b', 'a"b', '#30', '', 'x'.repeat(65), 'a\nb'])('refuses the name %j', (name) =>
    expect(createAuthority({ name, ...options })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    }),
  )

  it('refuses files that do not belong together', async () => {
    const one = await createAuthority({ name: 'keelson', ...options })
    const two = await createAuthority({ name: 'keelson', ...options })
    const mixed = { certificatePem: one.certificatePem, privateKeyPem: two.privateKeyPem }
    await expect(loadAuthority(mixed, options)).rejects.toMatchObject({ code: 'DATA_LOSS' })
    const cut = { ...one, certificatePem: one.certificatePem.slice(0, 200) }
    await expect(loadAuthority(cut, options)).rejects.toMatchObject({ code: 'DATA_LOSS' })
    const leaf = await issueServerCertificate(await loadAuthority(one, options), {
      commonName: 'x',
      dnsNames: ['x'],
      ipAddresses: [],
      validForMs: DAY_MS,
    })
    await expect(loadAuthority(leaf, options)).rejects.toMatchObject({ code: 'DATA_LOSS' })
  })

  it('issues a server certificate with its names and itself in the chain', async () => {
    const ca = await authority()
    const pair = await issueServerCertificate(ca, {
      commonName: 'coordinator-1',
      dnsNames: ['coordinator-1', 'localhost'],
      ipAddresses: ['127.0.0.1', '::1'],
      validForMs: DAY_MS,
    })
    const leaf = new X509Certificate(pair.certificatePem)
    expect(leaf.subjectAltName).toBe(
      'DNS:coordinator-1, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    )
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
    expect(leaf.checkIssued(new X509Certificate(ca.certificatePem))).toBe(true)
    expect(pair.certificatePem.endsWith(ca.certificatePem)).toBe(true)
    expect(validityOf(pair.certificatePem)).toEqual({
      notBefore: START - 300_000,
      notAfter: START + DAY_MS,
    })
  })

  it('never signs beyond its own end', async () => {
    const pair = await createAuthority({ name: 'keelson', ...options })
    const { notAfter } = validityOf(pair.certificatePem)
    const late = await loadAuthority(pair, { clock: clockAt(notAfter - 1000), rng: systemRng })
    expect(validityOf(await agentCertificate(late)).notAfter).toBe(notAfter)
  })

  it('gives every certificate another positive serial number, whatever the dice say', async () => {
    const pair = await createAuthority({ name: 'keelson', ...options })
    const zeros = { ...seededRng(1), hex: (count: number) => '00'.repeat(count) }
    const unlucky = await loadAuthority(pair, { clock: options.clock, rng: zeros })
    expect(new X509Certificate(await agentCertificate(unlucky)).serialNumber).toMatch(/^40{31}$/)
    const ca = await loadAuthority(pair, options)
    const serials = [await agentCertificate(ca), await agentCertificate(ca)].map(
      (pem) => new X509Certificate(pem).serialNumber,
    )
    expect(new Set(serials).size).toBe(2)
  })
})

describe('agent certificates', () => {
  it('carry the requested key, one name, one use, and last a day', async () => {
    const ca = await authority()
    const request = createSigningRequest('n1')
    const pem = await signAgentCertificate(ca, request.csrPem, { nodeName: 'n1', clusterId: 'c1' })
    const certificate = new X509Certificate(pem)
    const spki = { type: 'spki', format: 'pem' } as const
    expect(certificate.publicKey.export(spki)).toBe(
      createPublicKey(request.privateKeyPem).export(spki),
    )
    expect(certificate.subject).toBe('CN=n1')
    expect(certificate.subjectAltName).toBe('URI:keelson://c1/node/n1')
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
    expect(certificate.ca).toBe(false)
    expect(validityOf(pem)).toEqual({ notBefore: START - 300_000, notAfter: START + DAY_MS })
    expect(renewalTime(pem)).toBe(START - 300_000 + (DAY_MS + 300_000) * (2 / 3))
  })

  it('ignore what the request asks for', async () => {
    const request = createSigningRequest('admin')
    const pem = await signAgentCertificate(await authority(), request.csrPem, {
      nodeName: 'n2',
      clusterId: 'c1',
    })
    expect(new X509Certificate(pem).subject).toBe('CN=n2')
    expect(identityOf(der(pem), 'c1', options.clock)).toEqual({ kind: 'node', node: 'n2' })
  })

  /** A signed request with another key put into it: somebody asks for a stranger's certificate. */
  function strangersKey(): string {
    const spki = ({ privateKeyPem }: { privateKeyPem: string }) =>
      createPublicKey(privateKeyPem).export({ type: 'spki', format: 'der' })
    const mine = createSigningRequest('n1')
    const bytes = Buffer.from(mine.csrPem.replace(/-----.*-----/g, ''), 'base64')
    bytes.set(spki(createSigningRequest('n1')), bytes.indexOf(spki(mine)))
    const label = 'CERTIFICATE REQUEST-----'
    return `-----BEGIN ${label}\n${bytes.toString('base64')}\n-----END ${label}\n`
  }

  async function rsaRequest(): Promise<string> {
    const algorithm = {
      name: 'RSASSA-PKCS1-v1_5',
      hash: 'SHA-256',
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
    }
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    const signingAlgorithm = algorithm
    const csr = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm })
    return csr.toString('pem')
  }

  it.each([
    ['garbage', () => 'hello', /cannot be read/],
    ['a certificate', async () => (await authority()).certificatePem, /cannot be read/],
    ['a cut one', () => createSigningRequest('n1').csrPem.slice(0, 200), /cannot be read/],
    ['a huge one', () => 'x'.repeat(20_000), /20000 bytes, more than 16384/],
    ['an RSA key', rsaRequest, /key is RSASSA-PKCS1-v1_5, not P-256/],
    ['a key the sender does not hold', strangersKey, /not signed with its own key/],
  ])('are not signed for %s', async (_, csr, message) => {
    const ca = await authority()
    const signing = signAgentCertificate(ca, await csr(), { nodeName: 'n1', clusterId: 'c1' })
    await expect(signing).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(signing).rejects.toThrow(message)
  })

  it.each(['', 'N1', 'n1/../n2', 'n1, URI:keelson://c1/node/n2', '-n1', 'n'.repeat(64), 'n1\n'])(
    'are not signed for the node name %j',
    async (nodeName) => {
      const { csrPem } = createSigningRequest('n1')
      await expect(
        signAgentCertificate(await authority(), csrPem, { nodeName, clusterId: 'c1' }),
      ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    },
  )
})

describe('identityOf', () => {
  it('tells the node', async () => {
    const pem = await agentCertificate(await authority(), 'n1.rack-2')
    expect(identityOf(der(pem), 'c1', options.clock)).toEqual({ kind: 'node', node: 'n1.rack-2' })
  })

  it('refuses a certificate out of date, by the given clock', async () => {
    const certificate = der(await agentCertificate(await authority()))
    const { notAfter } = { notAfter: START + DAY_MS }
    expect(() => identityOf(certificate, 'c1', clockAt(notAfter))).not.toThrow()
    expect(() => identityOf(certificate, 'c1', clockAt(notAfter + 1))).toThrow(
      /expired at 2030-01-02/,
    )
    expect(() => identityOf(certificate, 'c1', clockAt(START - 300_001))).toThrow(
      /not valid before/,
    )
  })

  it('refuses a certificate of another cluster', async () => {
    const certificate = der(await agentCertificate(await authority(), 'n1', 'c2'))
    expect(() => identityOf(certificate, 'c1', options.clock)).toThrow(
      /names URI:keelson:\/\/c2\/node\/n1, not a node of cluster c1/,
    )
  })

  const NODE_URI = 'keelson://c1/node/n1'
  it.each([
    [
      'a second name beside it',
      [
        { type: 'url', value: NODE_URI },
        { type: 'dns', value: 'n1' },
      ],
    ],
    [
      'two nodes',
      [
        { type: 'url', value: NODE_URI },
        { type: 'url', value: `${NODE_URI}2` },
      ],
    ],
    ['a DNS name that looks like it', [{ type: 'dns', value: `x, URI:${NODE_URI}` }]],
    ['a path below it', [{ type: 'url', value: `${NODE_URI}/x` }]],
    ['nothing of ours', [{ type: 'dns', value: 'n1' }]],
  ] as const)('refuses %s, even when the authority signed it', async (_, names) => {
    const ca = await authority()
    const { publicKey } = await crypto.subtle.generateKey(
      { name: 'ECDSA', namedCurve: 'P-256' },
      false,
      ['sign', 'verify'],
    )
    const pem = await ca.sign({
      commonName: 'n1',
      publicKey,
      usage: 'clientAuth',
      names,
      validForMs: DAY_MS,
    })
    expect(() => identityOf(der(pem), 'c1', options.clock)).toThrow(/refused: it names/)
  })

  it('refuses a server certificate and things that are no certificate', async () => {
    const ca = await authority()
    const pair = await issueServerCertificate(ca, {
      commonName: 'n1',
      dnsNames: ['n1'],
      ipAddresses: [],
      validForMs: DAY_MS,
    })
    const { publicKey } = new X509Certificate(pair.certificatePem)
    const server = await ca.sign({
      commonName: 'n1',
      publicKey: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
      usage: 'serverAuth',
      names: [{ type: 'url', value: NODE_URI }],
      validForMs: DAY_MS,
    })
    expect(() => identityOf(der(server), 'c1', options.clock)).toThrow(/not made for clients/)
    for (const bytes of [der(pair.certificatePem), der(ca.certificatePem), Buffer.from('x')])
      expect(() => identityOf(bytes, 'c1', options.clock)).toThrow(
        expect.objectContaining({ code: 'UNAUTHENTICATED' }),
      )
  })
})
