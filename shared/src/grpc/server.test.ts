import { once } from 'node:events'
import {
  type AddressInfo,
  connect as connectTcp,
  createServer as createTcpServer,
  type Socket,
} from 'node:net'
import { connect as connectTls } from 'node:tls'
import * as grpc from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AssertionError, KeelsonError } from '../errors/index.ts'
import type { KeyPairPem } from '../pki/index.ts'
import type { Clock } from '../runtime/index.ts'
import { createCertificateSource } from './certificates.ts'
import { callStream, callUnary, openSession } from './client.ts'
import {
  createTestCluster,
  HOUR_MS,
  type TestCluster,
  type TestHandlers,
  TestService,
  TOKEN,
} from './fixture.ts'
import { KEEPALIVE, transportLimits } from './limits.ts'
import { adoptTransportLog } from './server.ts'

let cluster: TestCluster
let foreign: TestCluster

beforeAll(async () => {
  cluster = await createTestCluster()
  foreign = await createTestCluster()
})

afterAll(async () => {
  await cluster.close()
  await foreign.close()
})

const whoAmI: TestHandlers = { say: async (_, { identity }) => identity }

/** What a server says about a caller who shows this certificate. */
async function seenAs(address: string, pair: KeyPairPem): Promise<unknown> {
  const certificates = createCertificateSource(cluster.authority.certificatePem, pair)
  return callUnary(cluster.channel({ servers: [address], certificates }), TestService.say, 'hi')
}

describe('who is calling', () => {
  it('a user with a token, a node with a certificate, or nobody', async () => {
    const { address } = await cluster.start(whoAmI)
    const say = (options: object) =>
      callUnary(cluster.channel({ servers: [address], ...options }), TestService.say, 'hi')
    expect(await say({ token: TOKEN })).toEqual({ kind: 'user', name: 'ada', role: 'admin' })
    expect(await say({})).toEqual({ kind: 'anonymous' })
    expect(await seenAs(address, await cluster.agentCertificate('n1'))).toEqual({
      kind: 'node',
      node: 'n1',
    })
  })

  it('a token counts before a certificate', async () => {
    const { address } = await cluster.start(whoAmI)
    const pair = await cluster.agentCertificate('n1')
    const certificates = createCertificateSource(cluster.authority.certificatePem, pair)
    const channel = cluster.channel({ servers: [address], certificates, token: TOKEN })
    expect(await callUnary(channel, TestService.say, 'hi')).toMatchObject({ kind: 'user' })
  })

  it.each([
    ['an unknown token', 'Bearer nonsense', 'unknown token'],
    ['no bearer token', 'Basic YTpi', 'the authorization header has no bearer token'],
  ])('%s is refused, not taken for nobody', async (_, authorization, message) => {
    const { address } = await cluster.start({
      ...whoAmI,
      async *count(n) {
        yield { n }
      },
    })
    const channel = cluster.channel({ servers: [address] })
    await expect(
      callUnary(channel, TestService.say, 'hi', { metadata: { authorization } }),
    ).rejects.toMatchObject({ code: 'UNAUTHENTICATED', message })
    const counting = callStream(channel, TestService.count, 1, { metadata: { authorization } })
    await expect(counting.next()).rejects.toMatchObject({ code: 'UNAUTHENTICATED', message })
  })

  it('an expired certificate proves nothing', async () => {
    const past: Clock = {
      now: () => Date.now() - 2 * HOUR_MS,
      after: () => {
        throw new Error('nothing here waits')
      },
    }
    const yesterday = await createTestCluster(past)
    const { address } = await cluster.start(whoAmI, {
      certificates: createCertificateSource(
        yesterday.authority.certificatePem,
        await cluster.serverCertificate(),
      ),
    })
    const expired = await yesterday.agentCertificate('n1')
    expect(await seenAs(address, expired)).toEqual({ kind: 'anonymous' })
  })

  it('a foreign authority’s certificate proves nothing, even under our names', async () => {
    const { address } = await cluster.start(whoAmI)
    const pair = await foreign.agentCertificate('n1')
    expect(await seenAs(address, pair)).toEqual({ kind: 'anonymous' })
  })

  it('a server’s certificate does not make a client', async () => {
    const { address } = await cluster.start(whoAmI)
    expect(await seenAs(address, await cluster.serverCertificate())).toEqual({ kind: 'anonymous' })
  })

  it('a certificate of another cluster under the same authority is refused', async () => {
    const { address } = await cluster.start(whoAmI, {
      authenticator: {
        user: () => ({ kind: 'user', name: 'x', role: 'viewer' }),
        node: () => {
          throw new KeelsonError('UNAUTHENTICATED', 'of another cluster')
        },
      },
    })
    const pair = await cluster.agentCertificate('n1')
    await expect(seenAs(address, pair)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

describe('the port', () => {
  it('refuses plaintext and TLS older than 1.2', async () => {
    const { address } = await cluster.start(whoAmI)
    const plain = new grpc.Client(address, grpc.credentials.createInsecure())
    const failure = await new Promise<grpc.ServiceError | null>((resolve) => {
      const { path, requestSerialize, responseDeserialize } = TestService.say
      plain.makeUnaryRequest(path, requestSerialize, responseDeserialize, '', (error) =>
        resolve(error),
      )
    })
    plain.close()
    expect(failure?.code).toBe(grpc.status.UNAVAILABLE)

    const [host, port] = address.split(':')
    const old = connectTls({
      host: host ?? '',
      port: Number(port),
      ca: cluster.authority.certificatePem,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL:@SECLEVEL=0',
    })
    const [error] = await once(old, 'error')
    expect(error.code).toMatch(/^ERR_SSL|ECONNRESET/)
  })

  it('says why it cannot be had, and the transport says it to our log', async () => {
    const complaints: unknown[] = []
    adoptTransportLog({ debug: (...entry: unknown[]) => void complaints.push(entry) })
    const { address } = await cluster.start(whoAmI)
    await expect(cluster.start(whoAmI, { listen: address })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: `cannot listen on ${address}`,
      cause: { message: expect.stringContaining('EADDRINUSE') },
    })
    expect(complaints).toEqual([[{ transport: expect.stringContaining('No address') }, 'grpc']])
  })

  it('takes up a new certificate without a restart, and drops no connection for it', async () => {
    const authorityPem = cluster.authority.certificatePem
    const first = await cluster.serverCertificate()
    const certificates = createCertificateSource(authorityPem, first)
    const { address } = await cluster.start({ say: async (text) => text }, { certificates })
    const early = cluster.channel({ servers: [address] })
    await callUnary(early, TestService.say, 'before')
    const connection = early.connections()[0]?.client.getChannel()

    const second = await cluster.serverCertificate()
    certificates.replace(second)
    expect(await presented(address)).toBe(second.certificatePem)
    expect(await callUnary(early, TestService.say, 'after')).toBe('after')
    expect(connection?.getConnectivityState(false)).toBe(grpc.connectivityState.READY)
    const late = cluster.channel({ servers: [address] })
    expect(await callUnary(late, TestService.say, 'new')).toBe('new')

    const mixed = { ...first, privateKeyPem: second.privateKeyPem }
    expect(() => certificates.replace(mixed)).toThrow(/unusable certificate/)
    expect(await presented(address)).toBe(second.certificatePem)
  })

  it('meets a renewed agent certificate on the agent’s next connection', async () => {
    const { server, address } = await cluster.start(whoAmI)
    const certificates = createCertificateSource(
      cluster.authority.certificatePem,
      await cluster.agentCertificate('n1'),
    )
    const channel = cluster.channel({ servers: [address], certificates })
    expect(await callUnary(channel, TestService.say, 'hi')).toMatchObject({ node: 'n1' })
    certificates.replace(await cluster.agentCertificate('n2'))
    expect(await callUnary(channel, TestService.say, 'hi')).toMatchObject({ node: 'n1' })
    const client = channel.connections()[0]?.client.getChannel()
    server.raw.drain(address, 0)
    const { READY } = grpc.connectivityState
    while (client?.getConnectivityState(false) === READY) await new Promise(setImmediate)
    expect(await callUnary(channel, TestService.say, 'hi')).toMatchObject({ node: 'n2' })
  })

  /** The chain a server presents, as PEM. */
  async function presented(address: string): Promise<string> {
    const [host, port] = address.split(':')
    const ca = cluster.authority.certificatePem
    const socket = connectTls({ host: host ?? '', port: Number(port), ca, ALPNProtocols: ['h2'] })
    await once(socket, 'secureConnect')
    const leaf = socket.getPeerX509Certificate()?.toString()
    socket.destroy()
    return `${leaf}${ca}`
  }
})

describe('answers', () => {
  it('UNIMPLEMENTED for a method without a handler', async () => {
    const { address } = await cluster.start({})
    const channel = cluster.channel({ servers: [address] })
    await expect(callUnary(channel, TestService.say, 'hi')).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
    })
    await expect(callStream(channel, TestService.count, 1).next()).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
    })
  })

  it('what a handler throws, with its details', async () => {
    const error = new KeelsonError('FAILED_PRECONDITION', 'pool p1 is full', {
      reason: 'not-placeable',
      details: ['needs 5 GiB, has 1 GiB'],
    })
    const { address, logged } = await cluster.start({ say: () => Promise.reject(error) })
    const channel = cluster.channel({ servers: [address] })
    await expect(callUnary(channel, TestService.say, 'hi')).rejects.toEqual(error)
    expect(logged).toEqual([])
  })

  it('INTERNAL with an id for what nobody foresaw; the rest stays in the log', async () => {
    const bug = new TypeError('cannot read password of undefined')
    const { address, logged } = await cluster.start({
      say: () => {
        throw bug
      },
      // biome-ignore lint/correctness/useYield: it fails before its first item.
      async *count() {
        throw bug
      },
    })
    const channel = cluster.channel({ servers: [address] })
    for (const call of [
      () => callUnary(channel, TestService.say, 'hi'),
      () => callStream(channel, TestService.count, 1).next(),
    ]) {
      const error: KeelsonError = await call().then(
        () => expect.fail('no error'),
        (e) => e,
      )
      expect(error.code).toBe('INTERNAL')
      const callId = /^internal error (\S+); the server's log has the cause$/.exec(
        error.message,
      )?.[1]
      expect(logged.at(-1)).toEqual([
        { err: bug, callId, method: expect.stringContaining('/test.Test/') },
        'call failed',
      ])
    }
  })

  it('INTERNAL to a broken invariant, which then ends the process', async () => {
    const ended: AssertionError[] = []
    const { address } = await cluster.start(
      {
        say: async () => {
          throw new AssertionError('two replicas on n1')
        },
      },
      { onAssertion: (error) => ended.push(error) },
    )
    const error = await callUnary(
      cluster.channel({ servers: [address] }),
      TestService.say,
      'hi',
    ).catch((e: KeelsonError) => e)
    expect(error).toMatchObject({ code: 'INTERNAL' })
    expect((error as KeelsonError).message).not.toContain('replicas')
    expect(ended).toEqual([new AssertionError('two replicas on n1')])
  })

  it('logs why a response cannot be encoded', async () => {
    const { address, logged } = await cluster.start({ say: async () => 5n })
    const channel = cluster.channel({ servers: [address] })
    await expect(callUnary(channel, TestService.say, 'hi')).rejects.toMatchObject({
      code: 'INTERNAL',
    })
    expect(logged).toEqual([
      [{ err: expect.any(TypeError), method: '/test.Test/Say' }, 'response cannot be encoded'],
    ])
  })

  it('RESOURCE_EXHAUSTED to a message over the limit, and goes on serving', async () => {
    const { address } = await cluster.start(
      { say: async (text) => (text === 'big' ? 'x'.repeat(2000) : text.length) },
      { maxMessageBytes: 1000 },
    )
    const channel = cluster.channel({ servers: [address] })
    await expect(callUnary(channel, TestService.say, 'x'.repeat(1000))).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringContaining('1002 vs 1000'),
    })
    await expect(callUnary(channel, TestService.say, 'big')).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
    })
    expect(await callUnary(channel, TestService.say, 'x'.repeat(998))).toBe(998)
  })

  it('RESOURCE_EXHAUSTED to five mebibytes by default', async () => {
    const { address } = await cluster.start({ say: async (text) => text.length })
    const channel = cluster.channel({ servers: [address], maxMessageBytes: 8 * 1024 * 1024 })
    await expect(
      callUnary(channel, TestService.say, 'x'.repeat(5 * 1024 * 1024)),
    ).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
  })
})

describe('the context of a call', () => {
  it('has method, peer and deadline', async () => {
    const { address } = await cluster.start({
      say: async (_, { method, peer, deadlineMs }) => ({ method, peer, deadlineMs }),
    })
    const before = Date.now()
    const channel = cluster.channel({ servers: [address] })
    const seen = await callUnary(channel, TestService.say, 'hi', { timeoutMs: 20_000 })
    expect(seen).toMatchObject({
      method: '/test.Test/Say',
      peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    })
    const { deadlineMs } = seen as { deadlineMs: number }
    expect(Math.abs(deadlineMs - before - 20_000)).toBeLessThan(5_000)
  })

  it('aborts when the client goes away or its deadline passes, not after the answer', async () => {
    const seen: AbortSignal[] = []
    const arrived = Promise.withResolvers<void>()
    const aborted = (signal: AbortSignal) =>
      new Promise<never>((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason)),
      )
    const { address, logged } = await cluster.start({
      async say(text, { signal }) {
        seen.push(signal)
        if (text === 'answer') return ''
        arrived.resolve()
        return aborted(signal)
      },
    })
    const channel = cluster.channel({ servers: [address] })
    await callUnary(channel, TestService.say, 'answer')

    const abort = new AbortController()
    const call = callUnary(channel, TestService.say, 'wait', { signal: abort.signal })
    await arrived.promise
    abort.abort()
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' })
    await expect(reasonOf(seen[1])).resolves.toMatchObject({ code: 'CANCELLED' })

    await expect(
      callUnary(channel, TestService.say, 'wait', { timeoutMs: 50 }),
    ).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    await expect(reasonOf(seen[2])).resolves.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(seen[0]?.aborted).toBe(false)
    expect(logged).toEqual([])
  })

  async function reasonOf(signal: AbortSignal | undefined): Promise<unknown> {
    if (!signal?.aborted) await once(signal ?? new EventTarget(), 'abort')
    return signal?.reason
  }
})

describe('a peer that falls silent', () => {
  /** Forwards to `target` until it is frozen: then packets vanish and no connection closes. */
  async function proxy(target: string) {
    const [host, port] = target.split(':')
    const sockets: Socket[] = []
    const server = createTcpServer((near) => {
      const far = connectTcp(Number(port), host)
      near.pipe(far).pipe(near)
      for (const socket of [near, far]) sockets.push(socket.on('error', () => undefined))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return {
      address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      freeze() {
        for (const socket of sockets) socket.unpipe().pause()
      },
      close() {
        for (const socket of sockets) socket.destroy()
        server.close()
      },
    }
  }

  it('is given up by both sides', async () => {
    const keepalive = { idleMs: 50, timeoutMs: 50 }
    const seen = Promise.withResolvers<AbortSignal>()
    const { address } = await cluster.start(
      {
        async chat(session) {
          seen.resolve(session.signal)
          await once(session.signal, 'abort')
        },
      },
      { keepalive },
    )
    const between = await proxy(address)
    const channel = cluster.channel({ servers: [between.address], keepalive })
    const session = await openSession(channel, TestService.chat)
    const serverSide = await seen.promise
    between.freeze()
    for (const [signal, code] of [
      [session.signal, 'UNAVAILABLE'],
      [serverSide, 'CANCELLED'],
    ] as const) {
      if (!signal.aborted) await once(signal, 'abort')
      expect(signal.reason).toMatchObject({ code })
    }
    between.close()
  })

  it('is noticed within ten seconds by default', () => {
    expect(KEEPALIVE.idleMs + KEEPALIVE.timeoutMs).toBeLessThan(10_000)
    expect(transportLimits({})).toMatchObject({
      'grpc.keepalive_time_ms': KEEPALIVE.idleMs,
      'grpc.keepalive_timeout_ms': KEEPALIVE.timeoutMs,
    })
  })
})

describe('closing', () => {
  it('ends streams with UNAVAILABLE and lets a request under way finish', async () => {
    const arrived = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<string>()
    const { server, address } = await cluster.start({
      say() {
        arrived.resolve()
        return answer.promise
      },
      async *count(_, { signal }) {
        yield { n: 0 }
        await once(signal, 'abort')
      },
    })
    const channel = cluster.channel({ servers: [address] })
    const call = callUnary(channel, TestService.say, 'hi')
    const stream = callStream(channel, TestService.count, 1)
    expect(await stream.next()).toEqual({ done: false, value: { n: 0 } })
    await arrived.promise

    const closed = server.close(20_000)
    await expect(stream.next()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'the server is shutting down',
    })
    answer.resolve('done')
    expect(await call).toBe('done')
    await closed
  })

  it('cuts off what does not finish', async () => {
    const arrived = Promise.withResolvers<void>()
    const { server, address } = await cluster.start({
      say() {
        arrived.resolve()
        return new Promise(() => undefined)
      },
    })
    const call = callUnary(cluster.channel({ servers: [address] }), TestService.say, 'hi')
    const failure = expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await arrived.promise
    await server.close(10)
    await failure
  })
})
