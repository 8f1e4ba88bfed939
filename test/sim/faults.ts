/** What goes wrong in a world, at random, one thing at a time or several. */
import { sleep } from '@keelson/shared/runtime'
import type { SimulatedHost } from './host.ts'
import type { World } from './world.ts'

type Fault = (world: World, signal: AbortSignal) => Promise<void>

const FAULTS: readonly Fault[] = [
  async function coordinatorCrash(world, signal) {
    world.crashCoordinator()
    await sleep(world.clock, world.rng.next() * 20_000, signal)
    await world.startCoordinator()
  },
  async function agentCrash(world, signal) {
    const host = someHost(world)
    host.crash()
    await sleep(world.clock, world.rng.next() * 20_000, signal)
    host.start()
  },
  async function hostReboot(world, signal) {
    const host = someHost(world)
    host.reboot()
    await sleep(world.clock, world.rng.next() * 60_000, signal)
    host.start()
  },
  async function brokenConnection(world) {
    const { name } = someHost(world)
    world.note(`connection of ${name} broke`)
    world.network.disconnect(name)
  },
  async function partition(world, signal) {
    const { name } = someHost(world)
    world.note(`${name} is cut off`)
    world.network.cut.add(name)
    world.network.disconnect(name)
    await sleep(world.clock, world.rng.next() * 30_000, signal)
    world.network.cut.delete(name)
  },
  async function slowNetwork(world, signal) {
    world.network.delayMs = 2_000
    await sleep(world.clock, world.rng.next() * 10_000, signal)
    world.network.delayMs = 5
  },
  async function failingStore(world, signal) {
    world.storeFaults = 0.2
    await sleep(world.clock, world.rng.next() * 3_000, signal)
    world.storeFaults = 0
  },
  async function failingDisk(world, signal) {
    const host = someHost(world)
    host.diskFaults = 0.3
    await sleep(world.clock, world.rng.next() * 10_000, signal)
    host.diskFaults = 0
  },
]

/** Makes something go wrong every few seconds until `signal` aborts. */
export async function runFaults(world: World, signal: AbortSignal): Promise<void> {
  const { rng, clock } = world
  try {
    for (;;) {
      await sleep(clock, rng.next() * 10_000, signal)
      const fault = FAULTS[Math.floor(rng.next() * FAULTS.length)]!
      await fault(world, signal)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Mends everything. */
export async function heal(world: World): Promise<void> {
  world.storeFaults = 0
  world.network.delayMs = 5
  world.network.cut.clear()
  await world.startCoordinator()
  for (const host of world.hosts) {
    host.diskFaults = 0
    host.start()
  }
  world.note('everything is mended')
}

/** A snapshot whose data somebody removed. */
export interface Loss {
  readonly host: SimulatedHost
  readonly uid: string
}

/**
 * Every host loses a snapshot while its agent is down, and the agents come back with no coordinator
 * in sight: all they know is in their ledgers.
 */
export function loseSnapshots(world: World): Loss[] {
  world.crashCoordinator()
  return world.hosts.flatMap((host) => {
    host.crash()
    const uid = host.loseSnapshot()
    host.start()
    return uid === undefined ? [] : { host, uid }
  })
}

function someHost(world: World): SimulatedHost {
  return world.hosts[Math.floor(world.rng.next() * world.hosts.length)]!
}
