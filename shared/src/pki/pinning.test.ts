import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createTcpServer, type Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock, systemRng } from '../runtime/index.ts'
import {
  type Authority,
  createAuthority,
  issueServerCertificate,
  loadAuthority,
} from './authority.ts'
import { fetchPinnedAuthority } from './pinning.ts'

const options = { clock: systemClock, rng: systemRng }
const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close()
    await once(server, 'close')
  }
})

async function authority(): Promise<Authority> {
  return loadAuthority(await createAuthority({ name: 'keelson', ...options }), options)
}

async function listen(server: Server): Promise<string> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

/** A coordinator that presents its own leaf and then `presented`; `forge` may damage the leaf. */
async function coordinator(
  signer: Authority,
  presented: string,
  forge = (leaf: string) => leaf,
): Promise<string> {
  const pair = await issueServerCertificate(signer, {
    commonName: 'coordinator',
    dnsNames: ['localhost'],
    ipAddresses: [],
    validForMs: 3_600_000,
  })
  const leaf = forge(pair.certificatePem.slice(0, -signer.certificatePem.length))
  return listen(createTlsServer({ cert: leaf + presented, key: pair.privateKeyPem }))
}

/** The same certificate with a wrong signature, which is the last thing in it. */
function withForgedSignature(pem: string): string {
  const der = new X509Certificate(pem).raw
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1)
  return new X509Certificate(der).toString()
}

describe('fetchPinnedAuthority', () => {
  it('returns the pinned authority, whatever name the coordinator is reached under', async () => {
    const ours = await authority()
    const address = await coordinator(ours, ours.certificatePem)
    expect(await fetchPinnedAuthority(address, ours.fingerprint)).toBe(ours.certificatePem)
    const byName = address.replace('127.0.0.1', 'localhost')
    expect(await fetchPinnedAuthority(byName, ours.fingerprint)).toBe(ours.certificatePem)
  })

  it('refuses another cluster’s coordinator and says which authority it has', async () => {
    const [ours, theirs] = [await authority(), await authority()]
    const address = await coordinator(theirs, theirs.certificatePem)
    await expect(fetchPinnedAuthority(address, ours.fingerprint)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message:
        `coordinator at ${address} presents CA sha256:${theirs.fingerprint} ` +
        `but the join token pins sha256:${ours.fingerprint}`,
    })
  })

  it('refuses a coordinator that shows no authority', async () => {
    const ours = await authority()
    const address = await coordinator(ours, '')
    await expect(fetchPinnedAuthority(address, ours.fingerprint)).rejects.toThrow(
      /presents no CA but the join token pins/,
    )
  })

  it('refuses the true authority under a leaf it did not sign', async () => {
    const [ours, theirs] = [await authority(), await authority()]
    const address = await coordinator(theirs, ours.certificatePem)
    await expect(fetchPinnedAuthority(address, ours.fingerprint)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    })
  })

  it('refuses the pinned key in a certificate that its owner did not sign', async () => {
    const ours = await authority()
    const forgedLeaf = await coordinator(ours, ours.certificatePem, withForgedSignature)
    const forgedAuthority = await coordinator(ours, withForgedSignature(ours.certificatePem))
    for (const address of [forgedLeaf, forgedAuthority])
      await expect(fetchPinnedAuthority(address, ours.fingerprint)).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
        message: expect.stringMatching(/presents the pinned CA, but .* not signed by it$/),
      })
  })

  it('says UNAVAILABLE when nobody listens, hangs up, or never answers', async () => {
    const refused = createTcpServer()
    const refusedAddress = await listen(refused)
    refused.close()
    await once(refused, 'close')
    servers.length = 0
    const hangsUp = await listen(createTcpServer((socket) => socket.destroy()))
    for (const address of [refusedAddress, hangsUp])
      await expect(fetchPinnedAuthority(address, '00')).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: `cannot reach coordinator at ${address}`,
      })
    const silent = await listen(createTcpServer((socket) => socket.resume()))
    await expect(fetchPinnedAuthority(silent, '00', { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      cause: { message: 'no TLS handshake within 50 ms' },
    })
    await expect(
      fetchPinnedAuthority(silent, '00', { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  it.each(['', 'host', 'host:', 'host:0', 'host:99999', 'a:b:1', '[::1:5'])(
    'refuses the address %j',
    (address) =>
      expect(fetchPinnedAuthority(address, '00')).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      }),
  )
})
