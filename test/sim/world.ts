/**
 * A whole cluster in one process: the real coordinator core on the memory store, real agents
 * (session, ledger, reconciler) over fake disks, a simulated network, and virtual time. Everything
 * that happens follows from the seed.
 */

import type { CurrentTerm } from '@keelson/coordinator/api'
import { createMemoryDisk, type MemoryDisk, openMemoryStore } from '@keelson/coordinator/store'
import { KeelsonError } from '@keelson/shared/errors'
import { createLogger } from '@keelson/shared/logging'
import { type Rng, seededRng } from '@keelson/shared/runtime'
import { DEFAULT_LIMITS, startTerms, type Terms } from '../../coordinator/src/terms.ts'
import { createHost, type SimulatedHost } from './host.ts'
import { createNetwork, type Network } from './network.ts'
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts'

/** A world and the hands that change it. */
export interface World {
  readonly rng: Rng
  readonly clock: VirtualClock
  readonly network: Network
  readonly disk: MemoryDisk
  readonly hosts: readonly SimulatedHost[]
  /** What happened, newest last; printed when something goes wrong. */
  readonly trace: string[]
  /** The present term; undefined while no coordinator runs. */
  coordinator(): CurrentTerm | undefined
  /** Counts coordinator processes: a reply of an earlier one never reached anybody. */
  readonly incarnation: number
  startCoordinator(): Promise<void>
  /** As `kill -9`: what was not durable is lost, and no reply leaves any more. */
  crashCoordinator(): void
  /** Chance that a transaction hits a store that fails before or after it became durable. */
  storeFaults: number
  note(what: string): void
  /** Ends everything. */
  close(): Promise<void>
}

const START_MS = Date.UTC(2030, 0, 1)

/** Builds the world of a seed; nothing runs yet. */
export function createWorld(seed: number): World {
  const rng = seededRng(seed)
  const clock = createVirtualClock(START_MS)
  const disk = createMemoryDisk()
  const trace: string[] = []
  const log = createLogger({ process: 'coordinator', level: 'silent' })
  let terms: Terms | undefined
  let incarnation = 0
  const network = createNetwork({ clock, rng, coordinator: () => terms?.current })

  const storeFault = () =>
    rng.next() < world.storeFaults
      ? new KeelsonError('UNAVAILABLE', 'simulated failure of the store')
      : undefined

  const world: World = {
    rng,
    clock,
    network,
    disk,
    trace,
    hosts: [],
    storeFaults: 0,
    get incarnation() {
      return incarnation
    },
    coordinator: () => terms?.current,
    note(what) {
      trace.push(`${String(Math.round(clock.now() - START_MS)).padStart(8)} ms  ${what}`)
    },
    async startCoordinator() {
      if (terms) return
      const started = await startTerms({
        clock,
        rng,
        log,
        limits: DEFAULT_LIMITS,
        checked: true,
        openStore: async () =>
          openMemoryStore(disk, {
            faults: { beforeCommit: storeFault, afterCommit: storeFault },
            delay: { clock, delayMs: () => rng.next() * 2 },
          }),
        createAuthority: async () => ({ certificatePem: 'simulated', privateKeyPem: 'simulated' }),
      })
      terms = started
      world.note('coordinator serves')
    },
    crashCoordinator() {
      if (!terms) return
      const dead = terms
      terms = undefined
      incarnation++
      disk.crash()
      network.disconnect()
      void dead.stop()
      world.note('coordinator crashed')
    },
    async close() {
      for (const host of world.hosts) host.crash()
      network.disconnect()
      await terms?.stop()
      terms = undefined
    },
  }
  const count = 3 + Math.floor(rng.next() * 4)
  const hosts = Array.from({ length: count }, (_, index) =>
    createHost({
      name: `n${index + 1}`,
      rack: `r${(index % 3) + 1}`,
      clock,
      rng,
      network,
      note: world.note,
    }),
  )
  return Object.assign(world, { hosts })
}
