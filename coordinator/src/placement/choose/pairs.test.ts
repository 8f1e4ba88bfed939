import { expect, it } from 'vitest'
import { createFleet, type MachineRequest } from '../fleet/index.ts'
import { applyChoice, createChooser } from './chooser.ts'
import { chanceOf } from './fixture.ts'

/** A host of a cluster of mirrored pairs, counted as its rules are usually written. */
interface PairHost {
  readonly disk: number
  readonly memory: number
  readonly cpu: number
  usedDisk: number
  usedMemory: number
  usedCpu: number
  /** Memory of machines by the host they run on, if their mirror is here. */
  readonly mirrors: Map<number, number>
}

const kept = ({ mirrors }: PairHost) => Math.max(0, ...mirrors.values())

/** Strict inequalities throughout: a host is never used up to the last unit. */
function allowed(
  hosts: readonly PairHost[],
  [primary, mirror]: readonly [number, number],
  { cpu, disk, memory }: { memory: number; disk: number; cpu: number },
): boolean {
  const p = hosts[primary]!
  const s = hosts[mirror]!
  const left = p.memory - p.usedMemory - memory
  const after = Math.max(kept(s), (s.mirrors.get(primary) ?? 0) + memory)
  return (
    primary !== mirror &&
    left > 0 &&
    left > kept(p) &&
    p.disk - p.usedDisk > disk &&
    s.disk - s.usedDisk > disk &&
    p.usedCpu + cpu <= p.cpu &&
    s.memory - s.usedMemory > after
  )
}

it('with capacities lowered by one, mirrored pairs are placed exactly when strict rules allow', () => {
  let placed = 0
  let refused = 0
  for (let seed = 1; seed <= 60; seed++) {
    const chance = chanceOf(seed)
    const below = (limit: number) => Math.floor(chance() * limit)
    const hosts = Array.from(
      { length: 2 + below(5) },
      (): PairHost => ({
        disk: 20 + below(60),
        memory: 10 + below(30),
        cpu: 10 + below(30),
        usedDisk: 0,
        usedMemory: 0,
        usedCpu: 0,
        mirrors: new Map(),
      }),
    )
    const fleet = createFleet({
      hosts: hosts.map(({ cpu, memory }, row) => ({
        name: `host-${row}`,
        labels: {},
        capacity: { memory: memory - 1, cpu },
      })),
      pools: hosts.map(({ disk }, host) => ({ name: 'data', host, capacityBytes: disk - 1 })),
      standbyColumns: ['memory'],
      lossLabel: '',
    })
    const chooser = createChooser(fleet)
    for (let step = 0; step < 30; step++) {
      const wanted = { memory: 1 + below(8), disk: 1 + below(15), cpu: 1 + below(6) }
      const request = pairRequest(`m${step}`, wanted, below(1000))
      const choice = chooser.choose(request)
      if (!choice) {
        refused++
        const pairs = hosts.flatMap((_, p) => hosts.map((_, s) => [p, s] as const))
        expect(
          pairs.filter((pair) => allowed(hosts, pair, wanted)),
          `seed ${seed}`,
        ).toEqual([])
        continue
      }
      placed++
      const { host, pools, standby } = choice
      expect(allowed(hosts, [host, standby], wanted), `seed ${seed}, ${request.name}`).toBe(true)
      expect(pools[0]!.toSorted(), `seed ${seed}`).toEqual([host, standby].toSorted())
      applyChoice(fleet, request, choice)
      const p = hosts[host]!
      const s = hosts[standby]!
      p.usedMemory += wanted.memory
      p.usedCpu += wanted.cpu
      p.usedDisk += wanted.disk
      s.usedDisk += wanted.disk
      s.mirrors.set(host, (s.mirrors.get(host) ?? 0) + wanted.memory)
    }
  }
  expect(placed).toBeGreaterThan(500)
  expect(refused).toBeGreaterThan(300)
})

function pairRequest(
  name: string,
  { cpu, disk, memory }: { memory: number; disk: number; cpu: number },
  seed: number,
): MachineRequest {
  return {
    name,
    amounts: [
      { column: 0, amount: memory },
      { column: 1, amount: cpu },
    ],
    hosts: undefined,
    volumes: [
      {
        name: `${name}-disk`,
        sizeBytes: disk,
        replicas: 2,
        pools: undefined,
        spread: [],
        preference: undefined,
      },
    ],
    attached: [],
    locality: 'Required',
    standby: 'Replica',
    numa: undefined,
    preference: undefined,
    seed,
  }
}
