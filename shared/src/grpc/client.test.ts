import { once } from 'node:events'
import { createServer as createTcpServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KeelsonError } from '../errors/index.ts'
import { createCertificateSource } from './certificates.ts'
import { callStream, callUnary, openSession } from './client.ts'
import type { DuplexSession } from './duplex.ts'
import { collect, createTestCluster, type TestCluster, TestService } from './fixture.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await createTestCluster()
})

afterAll(() => cluster.close())

/** An address where nobody listens. */
async function nobody(): Promise<string> {
  const server = createTcpServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

const echo = { say: async (text: string) => text }

describe('trust', () => {
  it('says when the authority is not the server’s', async () => {
    const { address } = await cluster.start(echo)
    const stranger = await createTestCluster()
    const authorityPem = stranger.authority.certificatePem
    const channel = cluster.channel({ servers: [address], authorityPem })
    await expect(callUnary(channel, TestService.say, 'hi')).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: `the server at ${address} cannot prove that it belongs to this cluster`,
      cause: { message: expect.stringMatching(/certificate/) },
    })
  })

  it('says when the certificate names another host', async () => {
    const { authority } = cluster
    const cases: [hosts: { ip?: string[]; dns?: string[] }, called: string][] = [
      [{ ip: ['127.0.0.2'] }, '127.0.0.1'],
      [{ dns: ['elsewhere'] }, 'localhost'],
    ]
    for (const [hosts, called] of cases) {
      const pair = await cluster.serverCertificate(hosts)
      const certificates = createCertificateSource(authority.certificatePem, pair)
      const { address } = await cluster.start(echo, { certificates })
      const channel = cluster.channel({ servers: [address.replace('127.0.0.1', called)] })
      await expect(callUnary(channel, TestService.say, 'hi')).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
        cause: { message: expect.stringContaining('does not match certificate') },
      })
    }
  })

  it('reaches a server by name as well as by address', async () => {
    const { address } = await cluster.start(echo)
    const channel = cluster.channel({ servers: [address.replace('127.0.0.1', 'localhost')] })
    expect(await callUnary(channel, TestService.say, 'hi')).toBe('hi')
  })

  it('does not take an agent for a server', async () => {
    const certificates = createCertificateSource(
      cluster.authority.certificatePem,
      await cluster.agentCertificate('n1'),
    )
    const { address } = await cluster.start(echo, { certificates })
    await expect(
      callUnary(cluster.channel({ servers: [address] }), TestService.say, 'hi'),
    ).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it.each([
    ['no server', { servers: [] }],
    ['an address without a port', { servers: ['host'] }],
    ['an authority that is none', { servers: ['host:1'], authorityPem: 'hello' }],
  ])('refuses %s', (_, options) => {
    expect(() => cluster.channel(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })
})

describe('several servers', () => {
  it('names the one that cannot be reached', async () => {
    const address = await nobody()
    await expect(
      callUnary(cluster.channel({ servers: [address] }), TestService.say, 'hi'),
    ).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: `cannot reach ${address}`,
      cause: { message: `connect ECONNREFUSED ${address}` },
    })
  })

  it('names them all when none answers', async () => {
    const [one, two] = [await nobody(), await nobody()]
    const channel = cluster.channel({ servers: [one, two] })
    await expect(callUnary(channel, TestService.say, 'hi')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'none of 2 servers answered',
      details: [
        `cannot reach ${one}: connect ECONNREFUSED ${one}`,
        `cannot reach ${two}: connect ECONNREFUSED ${two}`,
      ],
    })
  })

  it('goes to the next when one is down, silent, or says that it does not serve', async () => {
    const silent = createTcpServer((socket) => socket.resume())
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const silentAddress = silent.address()
    const standby = await cluster.start({
      say: () => Promise.reject(new KeelsonError('UNAVAILABLE', 'not the leader')),
      // biome-ignore lint/correctness/useYield: it refuses before its first item.
      async *count() {
        throw new KeelsonError('UNAVAILABLE', 'not the leader')
      },
    })
    const leader = await cluster.start({
      ...echo,
      async *count(n: number) {
        yield { n }
      },
    })
    const servers = [
      await nobody(),
      `127.0.0.1:${typeof silentAddress === 'object' ? silentAddress?.port : 0}`,
      standby.address,
      leader.address,
    ]
    const channel = cluster.channel({ servers, connectTimeoutMs: 100 })
    expect(await callUnary(channel, TestService.say, 'hi')).toBe('hi')
    expect(channel.connections().map(({ address }) => address)[0]).toBe(leader.address)
    const fresh = cluster.channel({ servers, connectTimeoutMs: 100 })
    expect(await collect(callStream(fresh, TestService.count, 7))).toEqual([{ n: 7 }])
    channel.close()
    fresh.close()
    silent.close()
  })

  it('does not repeat a call that may have had its effect', async () => {
    let calls = 0
    const arrived = Promise.withResolvers<void>()
    const dying = await cluster.start({
      say() {
        calls++
        arrived.resolve()
        return new Promise(() => undefined)
      },
    })
    const other = await cluster.start({
      say: async () => {
        calls++
      },
    })
    const channel = cluster.channel({ servers: [dying.address, other.address] })
    const call = callUnary(channel, TestService.say, 'hi')
    const failure = expect(call).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('the call may have had its effect'),
    })
    await arrived.promise
    dying.server.raw.forceShutdown()
    await failure
    expect(calls).toBe(1)
  })

  it('does not ask another about any other error', async () => {
    const first = await cluster.start({
      say: () => Promise.reject(new KeelsonError('NOT_FOUND', 'no such volume')),
    })
    const second = await cluster.start(echo)
    const channel = cluster.channel({ servers: [first.address, second.address] })
    await expect(callUnary(channel, TestService.say, 'hi')).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })
})

describe('cancelling', () => {
  it('works before, during and after connecting', async () => {
    const { address } = await cluster.start({ say: () => new Promise(() => undefined) })
    const channel = cluster.channel({ servers: [address] })
    const aborted = AbortSignal.abort(new Error('ctrl-c'))
    await expect(
      callUnary(channel, TestService.say, 'hi', { signal: aborted }),
    ).rejects.toMatchObject({ code: 'CANCELLED', cause: { message: 'ctrl-c' } })
    await expect(
      callStream(channel, TestService.count, 1, { signal: aborted }).next(),
    ).rejects.toMatchObject({ code: 'CANCELLED' })
    await expect(openSession(channel, TestService.chat, { signal: aborted })).rejects.toMatchObject(
      { code: 'CANCELLED' },
    )
  })

  it('a closed channel calls nobody', async () => {
    const { address } = await cluster.start(echo)
    const channel = cluster.channel({ servers: [address] })
    channel.close()
    await expect(callUnary(channel, TestService.say, 'hi')).rejects.toMatchObject({
      code: 'CANCELLED',
    })
  })
})

describe('streams', () => {
  it('give everything in order and end', async () => {
    const { address } = await cluster.start({
      async *count(to) {
        for (let n = 0; n < to; n++) yield { n }
      },
    })
    const channel = cluster.channel({ servers: [address] })
    const numbers = await collect(callStream(channel, TestService.count, 200))
    expect(numbers.map(({ n }) => n)).toEqual(Array.from({ length: 200 }, (_, n) => n))
    expect(await collect(callStream(channel, TestService.count, -1))).toEqual([])
  })

  it('end the server’s work when the loop ends, the signal aborts, or it fails', async () => {
    const ended: string[] = []
    const finished = [0, 1, 2].map(() => Promise.withResolvers<void>())
    let calls = 0
    const { address } = await cluster.start({
      async *count(kind, { signal }) {
        const call = finished[calls++]
        try {
          yield { n: 0 }
          if (kind === 3) throw new KeelsonError('DATA_LOSS', 'disk gone')
          await once(signal, 'abort')
        } finally {
          ended.push(signal.aborted ? signal.reason.code : 'open')
          call?.resolve()
        }
      },
    })
    const channel = cluster.channel({ servers: [address] })
    for await (const _ of callStream(channel, TestService.count, 1)) break
    await finished[0]?.promise

    const abort = new AbortController()
    const stream = callStream(channel, TestService.count, 2, { signal: abort.signal })
    await stream.next()
    const waiting = expect(stream.next()).rejects.toMatchObject({ code: 'CANCELLED' })
    abort.abort()
    await waiting
    await finished[1]?.promise

    const failing = callStream(channel, TestService.count, 3)
    await failing.next()
    await expect(failing.next()).rejects.toMatchObject({ code: 'DATA_LOSS', message: 'disk gone' })
    await finished[2]?.promise
    expect(ended).toEqual(['CANCELLED', 'CANCELLED', 'open'])
  })

  it('do not run ahead of a slow reader', async () => {
    let produced = 0
    const { address } = await cluster.start({
      async *count() {
        for (;;) {
          produced++
          yield { n: produced, padding: 'x'.repeat(64 * 1024) }
        }
      },
    })
    const stream = callStream(cluster.channel({ servers: [address] }), TestService.count, 1)
    for (let read = 0; read < 200; read++) {
      await stream.next()
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
      expect(produced - read).toBeLessThan(100)
    }
    await stream.return()
  })
})

describe('sessions', () => {
  type Session = DuplexSession<string, string>

  /** A server whose sessions are handed to the test. */
  async function sessions() {
    const waiting: ((session: Session) => void)[] = []
    const started = await cluster.start({
      async chat(session) {
        waiting.shift()?.(session)
        await once(session.signal, 'abort')
      },
    })
    const channel = cluster.channel({ servers: [started.address] })
    return {
      ...started,
      async open(signal?: AbortSignal): Promise<[client: Session, server: Session]> {
        const server = new Promise<Session>((resolve) => waiting.push(resolve))
        const client = await openSession(channel, TestService.chat, signal ? { signal } : {})
        return [client, await server]
      },
    }
  }

  it('carry messages both ways in order', async () => {
    const { open } = await sessions()
    const [client, server] = await open()
    const numbers = Array.from({ length: 300 }, (_, n) => String(n))
    const sending = Promise.all(numbers.map((n) => client.send(n)))
    const received: string[] = []
    for await (const message of server) {
      received.push(message)
      if (received.length === numbers.length) break
    }
    await sending
    expect(received).toEqual(numbers)
    expect(server.offer('welcome')).toBe(true)
    const replies = client[Symbol.asyncIterator]()
    expect((await replies.next()).value).toBe('welcome')
    client.close()
    expect(await collect(server)).toEqual([])
    server.close()
    expect((await replies.next()).done).toBe(true)
  })

  it('end with the server’s error on both sides', async () => {
    const { open } = await sessions()
    const [client, server] = await open()
    await server.send('last words')
    server.close(new KeelsonError('PERMISSION_DENIED', 'n1 may not speak for n2'))
    const received: string[] = []
    const loop = async () => {
      for await (const message of client) received.push(message)
    }
    const refused = { code: 'PERMISSION_DENIED', message: 'n1 may not speak for n2' }
    await expect(loop()).rejects.toMatchObject(refused)
    expect(received).toEqual(['last words'])
    expect(client.signal.reason).toMatchObject(refused)
    await expect(client.send('x')).rejects.toMatchObject(refused)
    expect(client.offer('x')).toBe(false)
    await expect(server.send('x')).rejects.toMatchObject(refused)
  })

  it('end on the server when the client cancels or vanishes', async () => {
    const { open } = await sessions()
    const [client, server] = await open()
    const reading = expect(collect(server)).rejects.toMatchObject({ code: 'CANCELLED' })
    client.close(new KeelsonError('CANCELLED', 'enough'))
    await reading
    expect(server.signal.reason).toMatchObject({ code: 'CANCELLED' })
    await expect(server.send('x')).rejects.toMatchObject({ code: 'CANCELLED' })

    const abort = new AbortController()
    const [, abandoned] = await open(abort.signal)
    abort.abort()
    if (!abandoned.signal.aborted) await once(abandoned.signal, 'abort')
    expect(abandoned.signal.reason).toMatchObject({ code: 'CANCELLED' })
  })

  it('end on the client when the server dies', async () => {
    const { open, server: process } = await sessions()
    const [client] = await open()
    process.raw.forceShutdown()
    await expect(collect(client)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it.each(['client', 'server'])('hold the %s back while nobody reads', async (sender) => {
    const { open } = await sessions()
    const pair = await open()
    const [from, to] = sender === 'client' ? pair : [pair[1], pair[0]]
    const message = 'x'.repeat(64 * 1024)
    const incoming = to[Symbol.asyncIterator]()

    let sent = 0
    const sending = Array.from({ length: 300 }, () => from.send(message).then(() => sent++))
    for (let read = 1; read <= 300; read++) {
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
      expect(sent - read).toBeLessThan(100)
      await incoming.next()
    }
    await Promise.all(sending)

    let offered = 0
    for (let read = 1; read <= 100; read++) {
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
      while (offered - read < 200 && from.offer(message)) offered++
      expect(offered - read).toBeLessThan(100)
      await incoming.next()
    }
  })

  it('are refused when they are opened, and move to another server when one lets go', async () => {
    const refusing = await cluster.start(
      {},
      {
        authenticator: {
          user: () => {
            throw new KeelsonError('UNAUTHENTICATED', 'nobody')
          },
          node: () => ({ kind: 'node', node: 'n1' }),
        },
      },
    )
    const denied = cluster.channel({ servers: [refusing.address], token: 'x' })
    await expect(openSession(denied, TestService.chat)).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
    })

    const standby = await cluster.start({
      chat: () => Promise.reject(new KeelsonError('UNAVAILABLE', 'not the leader')),
    })
    const leader = await cluster.start({
      async chat(session) {
        await session.send('leader')
      },
    })
    const channel = cluster.channel({ servers: [await nobody(), standby.address, leader.address] })
    const first = await openSession(channel, TestService.chat)
    await expect(collect(first)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    const second = await openSession(channel, TestService.chat)
    expect(await collect(second)).toEqual(['leader'])
  })
})
