/** For the tests of this room: a small service, an authority, servers closed afterwards. */
import { KeelsonError } from '../errors/index.ts'
import {
  type Authority,
  createAuthority,
  createSigningRequest,
  identityOf,
  issueServerCertificate,
  type KeyPairPem,
  loadAuthority,
  signAgentCertificate,
} from '../pki/index.ts'
import { type Clock, systemClock, systemRng } from '../runtime/index.ts'
import { type CertificateSource, createCertificateSource } from './certificates.ts'
import { type Channel, type ChannelOptions, createChannel } from './channel.ts'
import type { DuplexMethod, StreamMethod, UnaryMethod } from './methods.ts'
import { createServer, type Server, type ServerOptions, type ServiceHandlers } from './server.ts'

export const CLUSTER = 'c1'
export const HOUR_MS = 3_600_000

const json = {
  serialize: (value: unknown) => Buffer.from(JSON.stringify(value)),
  deserialize: (bytes: Buffer) => JSON.parse(bytes.toString()),
}
const codecs = {
  requestSerialize: json.serialize,
  requestDeserialize: json.deserialize,
  responseSerialize: json.serialize,
  responseDeserialize: json.deserialize,
}

/** Shaped as ts-proto would generate it. */
export const TestService = {
  say: {
    path: '/test.Test/Say',
    requestStream: false,
    responseStream: false,
    ...codecs,
  } as UnaryMethod<string, unknown>,
  count: {
    path: '/test.Test/Count',
    requestStream: false,
    responseStream: true,
    ...codecs,
  } as StreamMethod<number, { n: number; padding?: string }>,
  chat: {
    path: '/test.Test/Chat',
    requestStream: true,
    responseStream: true,
    ...codecs,
  } as DuplexMethod<string, string>,
}

export type TestHandlers = ServiceHandlers<typeof TestService>

type ChannelChoices = ChannelOptions & { authorityPem: string; certificates: CertificateSource }

/** A cluster of test servers under one authority. */
export interface TestCluster {
  readonly authority: Authority
  serverCertificate(hosts?: Partial<{ dns: string[]; ip: string[] }>): Promise<KeyPairPem>
  agentCertificate(node: string): Promise<KeyPairPem>
  /** Starts a server on 127.0.0.1; returns its address beside it. */
  start(
    handlers: TestHandlers,
    options?: Partial<ServerOptions>,
  ): Promise<{ server: Server; address: string; logged: unknown[] }>
  channel(options: { servers: string[] } & Partial<ChannelChoices>): Channel
  close(): Promise<void>
}

/** Everything an iterable gives. */
export async function collect<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of iterable) items.push(item)
  return items
}

/** The only user there is. */
export const TOKEN = 'let-me-in'

export async function createTestCluster(clock: Clock = systemClock): Promise<TestCluster> {
  const options = { clock, rng: systemRng }
  const authority = await loadAuthority(
    await createAuthority({ name: 'test', ...options }),
    options,
  )
  const open: (() => void | Promise<void>)[] = []

  async function serverCertificate(hosts: Partial<{ dns: string[]; ip: string[] }> = {}) {
    return issueServerCertificate(authority, {
      commonName: 'coordinator',
      dnsNames: hosts.dns ?? ['localhost'],
      ipAddresses: hosts.ip ?? ['127.0.0.1'],
      validForMs: HOUR_MS,
    })
  }

  return {
    authority,
    serverCertificate,
    async agentCertificate(node) {
      const { csrPem, privateKeyPem } = createSigningRequest(node)
      const request = { nodeName: node, clusterId: CLUSTER, validForMs: HOUR_MS }
      const certificatePem = await signAgentCertificate(authority, csrPem, request)
      return { certificatePem, privateKeyPem }
    },
    async start(handlers, overrides = {}) {
      const logged: unknown[] = []
      const server = createServer({
        listen: '127.0.0.1:0',
        certificates: createCertificateSource(authority.certificatePem, await serverCertificate()),
        authenticator: {
          user(token) {
            if (token === TOKEN) return { kind: 'user', name: 'ada', role: 'admin' }
            throw new KeelsonError('UNAUTHENTICATED', 'unknown token')
          },
          node: (certificate) => identityOf(certificate, CLUSTER, systemClock),
        },
        log: { error: (...entry: unknown[]) => void logged.push(entry) },
        rng: systemRng,
        ...overrides,
      })
      server.serve(TestService, handlers)
      const port = await server.listen()
      open.push(() => server.close(0))
      return { server, address: `127.0.0.1:${port}`, logged }
    },
    channel(channelOptions) {
      const channel = createChannel({ authorityPem: authority.certificatePem, ...channelOptions })
      open.push(() => channel.close())
      return channel
    },
    async close() {
      for (const each of open.splice(0).reverse()) await each()
    },
  }
}
