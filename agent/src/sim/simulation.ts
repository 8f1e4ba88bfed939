/** Many simulated hosts in one process, in one directory. */
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { acquireFileLock } from '@keelson/shared/exec'
import type { Logger } from '@keelson/shared/logging'
import { type Clock, createKeyedQueue, type Rng } from '@keelson/shared/runtime'
import { readJoinToken } from '../identity/index.ts'
import { type ControlServer, openControl } from './control.ts'
import { createSimulatedHost, type SimulatedHost } from './host.ts'
import { hostNames, type SimOptions } from './options.ts'

/** What a simulation is given. */
export interface SimulationParts {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Logger
}

/** A running simulation. */
export interface Simulation {
  readonly hosts: readonly SimulatedHost[]
  stop(): Promise<void>
}

/** A killed simulation's lock needs a moment to go. */
const LOCK_WAIT_MS = 3_000
const HANDSHAKES_AT_ONCE = 16

/** Switches all hosts on. Raises FAILED_PRECONDITION when another process has the directory. */
export async function startSimulation(
  options: SimOptions,
  { clock, rng, log }: SimulationParts,
): Promise<Simulation> {
  const { dataDirectory, poolBytes, servers } = options
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
  await chmod(dataDirectory, 0o700)
  const lock = await acquireFileLock(join(dataDirectory, 'lock'), { waitMs: LOCK_WAIT_MS })
  const doors = createKeyedQueue(HANDSHAKES_AT_ONCE)
  const hosts = hostNames(options).map((host) =>
    createSimulatedHost({
      ...host,
      directory: join(dataDirectory, host.name),
      servers,
      joinToken: () => readJoinToken(options),
      poolBytes,
      ephemeral: options.ephemeral,
      clock,
      rng,
      log,
      doors,
    }),
  )
  let control: ControlServer | undefined
  async function stop(): Promise<void> {
    await control?.close()
    await Promise.all(hosts.map((host) => host.stop()))
    await lock.release()
  }
  try {
    control = await openControl(dataDirectory, hosts)
    await Promise.all(hosts.map((host) => host.start()))
  } catch (error) {
    await stop()
    throw error
  }
  return { hosts, stop }
}
