/**
 * A real gRPC server over TLS whose services do what a test says, and the command line called
 * against it. The coordinator itself has end-to-end tests of its own.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ClusterServiceService,
  EventServiceService,
  NodeServiceService,
  OperationServiceService,
  PlacementReport,
  PlacementServiceService,
  SnapshotServiceService,
  StorageClassServiceService,
  StoragePoolServiceService,
  VirtualMachineServiceService,
  VolumeServiceService,
} from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { createCertificateSource, createServer, type ServiceHandlers } from '@keelson/shared/grpc'
import { createAuthority, issueServerCertificate, loadAuthority } from '@keelson/shared/pki'
import { systemClock, systemRng } from '@keelson/shared/runtime'
import { runCli } from '../app/index.ts'
import { createTestTerminal, type TestTerminalOptions } from './test-terminal.ts'

/** The only token that is let in. */
export const TOKEN = 'kut.test'

const SERVICES = {
  nodes: NodeServiceService,
  pools: StoragePoolServiceService,
  classes: StorageClassServiceService,
  volumes: VolumeServiceService,
  machines: VirtualMachineServiceService,
  snapshots: SnapshotServiceService,
  operations: OperationServiceService,
  events: EventServiceService,
  cluster: ClusterServiceService,
  placement: PlacementServiceService,
} as const

/** What the services do; a method without a function answers UNIMPLEMENTED. */
export type FakeServices = {
  -readonly [K in keyof typeof SERVICES]?: ServiceHandlers<(typeof SERVICES)[K]>
}

/** How a run ended. */
export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A cluster, and the command line pointed at it. */
export interface FakeCluster {
  /** What the services do; a test may change it at any time. */
  services: FakeServices
  /** "127.0.0.1:port". */
  readonly address: string
  /** Directory with `ca.pem`; gone with the cluster. */
  readonly directory: string
  /** Environment that leads to the cluster. */
  readonly env: Readonly<Record<string, string>>
  /** Runs a command line given as words separated by spaces, or as a list of words. */
  run(words: string | readonly string[], options?: TestTerminalOptions): Promise<Outcome>
  close(): Promise<void>
}

/** Starts one on a free port. */
export async function createFakeCluster(): Promise<FakeCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'keelson-cli-'))
  const parts = { clock: systemClock, rng: systemRng }
  const authority = await loadAuthority(await createAuthority({ name: 'test', ...parts }), parts)
  const certificate = await issueServerCertificate(authority, {
    commonName: 'coordinator',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    validForMs: 3_600_000,
  })
  const caPath = join(directory, 'ca.pem')
  await writeFile(caPath, authority.certificatePem)
  const server = createServer({
    listen: '127.0.0.1:0',
    certificates: createCertificateSource(authority.certificatePem, certificate),
    authenticator: {
      user(token) {
        if (token === TOKEN) return { kind: 'user', name: 'ada', role: 'admin' }
        throw new KeelsonError('UNAUTHENTICATED', 'unknown token')
      },
      node: () => {
        throw new KeelsonError('UNAUTHENTICATED', 'not a node')
      },
    },
    log: { error: () => undefined },
    rng: systemRng,
    reports: {
      typeUrl: 'type.googleapis.com/keelson.v1.PlacementReport',
      encode: (report) => PlacementReport.encode(report as PlacementReport).finish(),
      decode: PlacementReport.decode,
    },
  })
  const fake = { services: {} as FakeServices }
  for (const [name, service] of Object.entries(SERVICES))
    server.serve(
      service,
      delegating(service, () => fake.services[name as keyof FakeServices]),
    )
  const address = `127.0.0.1:${await server.listen()}`
  const env = { KEELSON_SERVER: address, KEELSON_CA: caPath, KEELSON_TOKEN: TOKEN }
  return Object.assign(fake, {
    address,
    directory,
    env,
    async run(words: string | readonly string[], options: TestTerminalOptions = {}) {
      const terminal = createTestTerminal({
        directory,
        ...options,
        env: { ...env, ...options.env },
      })
      const list = typeof words === 'string' ? words.split(' ').filter(Boolean) : words
      const code = await runCli(list, terminal)
      return { code, ...terminal.output }
    },
    async close() {
      await server.close(0)
      await rm(directory, { recursive: true, force: true })
    },
  })
}

/** Looks the function up with every call. */
function delegating(service: object, current: () => object | undefined) {
  const find = (name: string) => {
    const found = (current() as Record<string, unknown> | undefined)?.[name]
    if (typeof found === 'function') return found
    throw new KeelsonError('UNIMPLEMENTED', `the test has no ${name}`)
  }
  return Object.fromEntries(
    Object.entries(service).map(([name, method]) => [
      name,
      (method as { responseStream: boolean }).responseStream
        ? (...call: unknown[]) => find(name)(...call)
        : async (...call: unknown[]) => find(name)(...call),
    ]),
  )
}
