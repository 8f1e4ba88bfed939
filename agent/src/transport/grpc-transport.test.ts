import { KeelsonError } from '@keelson/shared/errors'
import { createCertificateSource } from '@keelson/shared/grpc'
import { createSigningRequest, signAgentCertificate } from '@keelson/shared/pki'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CLUSTER, startTestCoordinator, type TestCoordinator } from '../identity/fixture.ts'
import { createGrpcTransport, type GrpcTransport } from './grpc-transport.ts'

let coordinator: TestCoordinator
let transport: GrpcTransport
let disowned = 0
let source: ReturnType<typeof createCertificateSource>
const { signal } = new AbortController()

async function certificate() {
  const { csrPem, privateKeyPem } = createSigningRequest('n1')
  const request = { nodeName: 'n1', clusterId: CLUSTER }
  const certificatePem = await signAgentCertificate(coordinator.authority, csrPem, request)
  return { certificatePem, privateKeyPem }
}

beforeEach(async () => {
  disowned = 0
  coordinator = await startTestCoordinator()
  source = createCertificateSource(coordinator.authority.certificatePem, await certificate())
  transport = createGrpcTransport({
    servers: [coordinator.address],
    credentials: { source: async () => source, disowned: () => disowned++ },
  })
})
afterEach(async () => {
  transport.close()
  await coordinator.close()
})

describe('the session over gRPC', () => {
  it('shows whose it is, and carries messages both ways', async () => {
    const link = await transport.connect(signal)
    await link.send({ type: 'heartbeat', ledgerGeneration: 7 })
    const { node, stream } = coordinator.sessions[0]!
    expect(node).toBe('n1')
    const said = await stream[Symbol.asyncIterator]().next()
    expect(said.value.message).toMatchObject({
      $case: 'heartbeat',
      value: { ledgerGeneration: 7n },
    })
    // What a newer coordinator might say comes first, and is passed over.
    await stream.send({ message: undefined })
    await stream.send({
      message: {
        $case: 'welcome',
        value: { clusterId: CLUSTER, heartbeatIntervalMs: 5, inventoryHashes: { cpu: 'x' } },
      },
    })
    const heard = await link[Symbol.asyncIterator]().next()
    expect(heard.value).toEqual({
      type: 'welcome',
      welcome: { clusterId: CLUSTER, heartbeatIntervalMs: 5, inventoryHashes: { cpu: 'x' } },
    })
    link.close()
  })

  it('ends on the coordinator’s side when the link is closed, and when its signal is aborted', async () => {
    const first = await transport.connect(signal)
    const abort = new AbortController()
    await transport.connect(abort.signal)
    first.close()
    abort.abort(new KeelsonError('CANCELLED', 'enough'))
    await vi.waitFor(() => {
      expect(coordinator.sessions.map(({ stream }) => stream.signal.aborted)).toEqual([true, true])
    }, 5_000)
  })

  it('tells the credentials when the coordinator does not know this host', async () => {
    coordinator.refuse = new KeelsonError('PERMISSION_DENIED', 'node "n1" is not enrolled here')
    const refusal = async () => {
      for await (const _ of await transport.connect(signal)) throw new Error('heard something')
    }
    await expect(refusal()).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: 'node "n1" is not enrolled here',
    })
    expect(disowned).toBeGreaterThan(0)
  })

  it('makes a new connection to show a new certificate', async () => {
    await transport.connect(signal)
    await transport.connect(signal)
    source.replace(await certificate())
    await transport.connect(signal)
    const [first, second, third] = coordinator.sessions.map(({ peer }) => peer)
    expect(second).toBe(first)
    expect(third).not.toBe(first)
  })

  it('says that nobody answers', async () => {
    await coordinator.close()
    await expect(transport.connect(signal)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})
