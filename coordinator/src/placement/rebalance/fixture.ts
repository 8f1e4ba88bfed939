/** Fleets for the tests of this room, and a check of the rules that shares no code with it. */

import { createChance } from '../chance.ts'
import { createFleet, type Fleet } from '../fleet/index.ts'
import type { MoveRules } from './units.ts'

/** Rules that a test checks and a plan has to keep. */
export const STRICT: MoveRules = {
  machineHosts: () => undefined,
  volumePools: () => undefined,
  volumeSpread: () => [],
  locality: () => 'Required',
  standby: () => 'Replica',
  dynamic: () => false,
}

/** How a random fleet is made. */
export interface Shape {
  readonly seed: number
  readonly hosts: number
  readonly machines: number
  /** Hosts in one rack; 0 gives no racks. */
  readonly rack?: number
  /** Replicas of each volume. */
  readonly replicas?: number
  /** Volumes of each machine. */
  readonly volumes?: number
  /** Every how many workloads one is pinned. */
  readonly pinEvery?: number
}

/** A fleet whose last fifth of hosts is empty, and that keeps `STRICT`. */
export function randomFleet(shape: Shape): Fleet {
  const { hosts, machines, pinEvery = 0, rack = 0, replicas = 2, seed, volumes = 1 } = shape
  const chance = createChance(seed)
  const fleet = createFleet({
    hosts: Array.from({ length: hosts }, (_, host) => ({
      name: `host-${host}`,
      labels: rack > 0 ? { rack: `r${host % rack}` } : {},
      capacity: { memory: 64 + 64 * chance.below(2), cpu: 32_000 },
    })),
    pools: Array.from({ length: hosts }, (_, host) => ({
      name: `pool-${host}`,
      host,
      capacityBytes: 1000,
    })),
    standbyColumns: ['memory'],
    lossLabel: rack > 0 ? 'rack' : '',
  })
  const usable = Math.max(replicas + 1, Math.ceil(hosts * 0.8))
  for (let index = 0, tries = 0; index < machines && tries < 50 * machines; tries++) {
    const pools = [...new Set(Array.from({ length: replicas }, () => chance.below(usable)))]
    const standby = pools.find((pool) => fleet.lossDomains[pool] !== fleet.lossDomains[pools[0]!])
    if (pools.length < replicas || standby === undefined) continue
    const size = 2 ** chance.below(4)
    const name = `m-${index}`
    const own = Array.from({ length: volumes }, (_, volume) => `${name}-v${volume}`)
    const pinned = pinEvery > 0 && index % pinEvery === 0
    for (const volume of own) {
      fleet.putVolume({ name: volume, sizeBytes: size * 8, pools, pinned })
    }
    const amounts = [
      { column: 0, amount: size },
      { column: 1, amount: 1000 * Math.ceil(size / 4) },
    ]
    fleet.putMachine({ name, host: pools[0]!, standby, amounts, volumes: own, pinned })
    if (brokenRules(fleet).length === 0) index++
    else {
      fleet.removeMachine(name)
      for (const volume of own) fleet.removeVolume(volume)
    }
  }
  return fleet
}

/** Everything in a fleet that is against `STRICT` or does not fit, counted from nothing. */
export function brokenRules(fleet: Fleet): string[] {
  const broken: string[] = []
  const { lossDomains, poolHost } = fleet
  const hostsOf = (volume: string) => fleet.volumes.get(volume)!.pools.map((row) => poolHost[row]!)
  for (const { name, pools } of fleet.volumes.values()) {
    if (new Set(hostsOf(name)).size < pools.length) broken.push(`${name} twice on one host`)
  }
  for (const { host, name, standby, volumes } of fleet.machines.values()) {
    if (!volumes.every((volume) => hostsOf(volume).includes(host))) broken.push(`${name} is remote`)
    if (standby < 0 || !volumes.every((volume) => hostsOf(volume).includes(standby))) {
      broken.push(`${name} has its standby on ${standby}, without its data`)
    } else if (lossDomains[standby] === lossDomains[host]) broken.push(`${name} lost with standby`)
  }
  for (let pool = 0; pool < fleet.poolCount; pool++) {
    let promised = 0
    for (const { pools, sizeBytes } of fleet.volumes.values()) {
      if (pools.includes(pool)) promised += sizeBytes
    }
    if (promised > fleet.poolCapacity[pool]!) broken.push(`pool ${pool} promises ${promised}`)
  }
  for (const [column, { capacity, standby: kept }] of fleet.columns.entries()) {
    const amountOf = (amounts: readonly { column: number; amount: number }[]) =>
      amounts.reduce((sum, taken) => sum + (taken.column === column ? taken.amount : 0), 0)
    for (let host = 0; host < fleet.hostCount; host++) {
      let used = 0
      const inbound = new Map<number, number>()
      for (const machine of fleet.machines.values()) {
        if (machine.host === host) used += amountOf(machine.amounts)
        if (machine.standby !== host || !kept) continue
        const domain = lossDomains[machine.host]!
        inbound.set(domain, (inbound.get(domain) ?? 0) + amountOf(machine.amounts))
      }
      const all = used + Math.max(0, ...inbound.values())
      if (all > capacity[host]!) broken.push(`host ${host} needs ${all} of column ${column}`)
    }
  }
  return broken
}
