/**
 * One simulated host: the real session, ledger and reconciler with an identity of their own, over a
 * disk and a machine that do not exist. Its power can be cut.
 */
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@keelson/shared/logging'
import { RACK_LABEL } from '@keelson/shared/model'
import type { Clock, KeyedQueue, Rng } from '@keelson/shared/runtime'
import { AGENT_VERSION, type Agent, createAgent } from '../agent/index.ts'
import { createCredentials, createIdentityStore } from '../identity/index.ts'
import { createMemoryLedger, openFileLedger } from '../ledger/index.ts'
import type { SessionTransport } from '../session/index.ts'
import {
  createFakeDisk,
  createFakeStorage,
  type FakeDisk,
  rebootFakeDisk,
} from '../storage/index.ts'
import { createGrpcTransport } from '../transport/index.ts'
import { changesDisk, type KeptDisk, openKeptDisk } from './disk-file.ts'
import { inventHardware, SIMULATED_OS } from './hardware.ts'
import type { HostName } from './options.ts'

/** What a simulated host needs. */
export interface SimulatedHostOptions extends HostName {
  /** The host's own directory. */
  readonly directory: string
  readonly servers: readonly string[]
  readonly joinToken: () => Promise<string | undefined>
  readonly poolBytes: number
  /** Keep disk and ledger in memory only. */
  readonly ephemeral: boolean
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Logger
  /** Lets only so many hosts connect at once. */
  readonly doors: KeyedQueue
}

/** How a simulated host is. */
export interface SimulatedHostState extends HostName {
  readonly power: 'on' | 'off'
  /** State of its session; empty without power. */
  readonly session: string
  readonly volumes: number
}

/** A simulated host. */
export interface SimulatedHost extends HostName {
  state(): SimulatedHostState
  /** Switches it on; nothing if it is. */
  start(): Promise<void>
  /** Cuts its power; nothing if it has none. */
  stop(): Promise<void>
}

interface Running {
  readonly agent: Agent
  readonly disk: FakeDisk
  off(): Promise<void>
}

/** A host without power. */
export function createSimulatedHost(options: SimulatedHostOptions): SimulatedHost {
  const { name, rack } = options
  let running: Running | undefined
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = (act: () => Promise<void>): Promise<void> => {
    const result = turn.then(act)
    turn = result.catch(() => undefined)
    return result
  }
  return {
    name,
    rack,
    state: () => ({
      name,
      rack,
      power: running ? 'on' : 'off',
      session: running?.agent.status().session.state ?? '',
      volumes: running ? countVolumes(running.disk) : 0,
    }),
    start: () =>
      inTurn(async () => {
        running ??= await switchOn(options)
      }),
    stop: () =>
      inTurn(async () => {
        await running?.off()
        running = undefined
      }),
  }
}

function countVolumes(disk: FakeDisk): number {
  return [...disk.pools.values()].reduce((sum, pool) => sum + pool.volumes.size, 0)
}

function openDisk({ ephemeral, directory, poolBytes }: SimulatedHostOptions): Promise<KeptDisk> {
  if (!ephemeral) return openKeptDisk(join(directory, 'disk.bin'), poolBytes)
  const disk = createFakeDisk({ totalBytes: poolBytes })
  return Promise.resolve({ disk, save: () => Promise.resolve() })
}

async function switchOn(options: SimulatedHostOptions): Promise<Running> {
  const { name, rack, directory, servers, clock, rng } = options
  const log = options.log.child({ node: name })
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await chmod(directory, 0o700)
  const bootedAt = clock.now()
  const hardware = inventHardware(name, bootedAt)
  const { disk, save } = await openDisk(options)
  rebootFakeDisk(disk)
  const ledger = options.ephemeral
    ? createMemoryLedger(name)
    : await openFileLedger({ path: join(directory, 'ledger.json'), node: name })
  const credentials = createCredentials({
    store: createIdentityStore(directory, rng),
    node: name,
    servers,
    labels: { [RACK_LABEL]: rack },
    joinToken: options.joinToken,
    heldCluster: () => ledger.current()?.clusterId ?? '',
    clock,
    rng,
    log,
  })
  const transport = createGrpcTransport({ servers, credentials })
  const { cpuCount, memoryBytes, inventory } = hardware
  const agent = createAgent({
    node: name,
    facts: {
      agentVersion: AGENT_VERSION,
      capabilities: ['file', 'drbd', 'kvm'],
      bootId: rng.uuid(),
      os: SIMULATED_OS,
      simulated: true,
      cpuCount,
      memoryBytes,
    },
    ledger,
    driver: createFakeStorage({
      disk,
      clock,
      afterCall: (call) => (changesDisk(call) ? save() : undefined),
    }),
    abilities: { poolKinds: new Set(['FILE', 'FILE_THIN']), replication: true },
    transport: throughDoors(transport, options.doors, name),
    inventory: () => ({
      current: () => inventory,
      readings: () => hardware.readings(clock.now(), bootedAt),
      stop: async () => undefined,
    }),
    clock,
    rng,
    log,
  })
  void agent.ended.then((error) => {
    if (error) log.error({ err: error }, 'the agent has ended')
  })
  return {
    agent,
    disk,
    async off() {
      await Promise.all([agent.stop(), credentials.stop()])
      transport.close()
    },
  }
}

/** Hundreds of handshakes at once would only make each other late. */
function throughDoors(
  transport: SessionTransport,
  doors: KeyedQueue,
  name: string,
): SessionTransport {
  return { connect: (signal) => doors.run(name, () => transport.connect(signal)) }
}
