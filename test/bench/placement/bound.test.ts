import { describe, expect, it } from 'vitest'
import { boundBeside, upperBound } from './bound.ts'
import type { GanetiCluster, Request } from './ganeti.ts'
import * as generators from './generators.ts'
import { mulberry32, request } from './generators.ts'
import { greedyContender } from './greedy-fixture.ts'
import { createLedger, type Ledger } from './ledger.ts'

const STD = request(8192, 81920, 4)
const WIDE = request(8192, 122880, 4)
const { mem, disk, cpu } = generators.HOMOGENEOUS

describe('the bound', () => {
  /** An integer program finds exactly as many, so none of these can be lower. */
  const known: readonly [string, () => GanetiCluster, Request, number][] = [
    ['hetero 20', () => generators.hetero(20, 1), STD, 279],
    ['hetero 20, seed 5', () => generators.hetero(20, 5), STD, 276],
    ['hetero 40', () => generators.hetero(40, 1), STD, 588],
    ['hetero 80', () => generators.hetero(80, 1), STD, 1173],
    ['hetero 160', () => generators.hetero(160, 1), STD, 2335],
    ['skewed 20', () => generators.skewed(20, 2), WIDE, 101],
    ['skewed 80', () => generators.skewed(80, 1), WIDE, 465],
    ['short of memory', () => generators.homogeneous('mem', 20), mem.std, 285],
    ['short of disk', () => generators.homogeneous('disk', 20), disk.std, 200],
    ['short of processors', () => generators.homogeneous('cpu', 20), cpu.std, 320],
  ]
  it.each(known)('of %s', async (_, make, wanted, count) => {
    expect((await upperBound(make(), wanted)).count).toBe(count)
  })

  it('from pairs is tighter than from nodes', async () => {
    const cluster = generators.hetero(20, 1)
    expect(await upperBound(cluster, STD, 0)).toEqual({ count: 290, from: 'nodes' })
    expect(await upperBound(cluster, STD)).toEqual({ count: 279, from: 'pairs' })
  })

  it('is never below what fits, and meets it on tiny clusters', async () => {
    let met = 0
    for (let seed = 1; seed <= 40; seed++) {
      const cluster = tiny(seed)
      const { count } = await upperBound(cluster, request(1000, 1024, 1))
      const most = exhaustive(createLedger(cluster), request(1000, 1024, 1))
      expect(count, `seed ${seed}`).toBeGreaterThanOrEqual(most)
      if (count === most) met++
    }
    expect(met).toBeGreaterThan(20)
  })

  it('is not lowered by a node that is over a limit already', async () => {
    const cluster = generators.dense(4, 2, 1)
    const [first] = cluster.instances
    const over = { ...cluster, instances: [{ ...first!, spindleUse: 40_000 }] }
    const without = over.nodes.map((node) =>
      [first!.primary, first!.secondary].includes(node.name)
        ? { ...node, role: 'offline' as const }
        : node,
    )
    const { count } = await upperBound({ ...over, nodes: without }, STD)
    expect(count).toBeGreaterThan(0)
    expect((await upperBound(over, STD)).count).toBe(count)
  })

  it('counts only groups that take such instances, and no offline nodes', async () => {
    const cluster = generators.groups(20, 1)
    const { count } = await upperBound(cluster, STD)
    expect(count).toBeGreaterThanOrEqual(greedyContender.fill(cluster, STD).length)
    const closed = cluster.groups.map((group) => ({
      ...group,
      allocPolicy: 'unallocable' as const,
    }))
    expect(await upperBound({ ...cluster, groups: closed }, STD)).toMatchObject({ count: 0 })
    expect(await upperBound(cluster, request(8192, 81920, 1000))).toMatchObject({ count: 0 })
    expect(await upperBound({ ...cluster, nodes: [], instances: [] }, STD)).toMatchObject({
      count: 0,
    })
  })

  it('of large ones beside small ones, as a fragmented cluster could hold at best', async () => {
    const cluster = generators.hetero(20, 1, 0)
    const [small, large] = [request(4096, 40960, 2), request(49152, 491520, 8)]
    expect(await boundBeside(cluster, small, 308, large)).toBe(47)
    expect(await boundBeside(cluster, small, 512, large)).toBe(30)
    expect(await boundBeside(cluster, small, 5000, large)).toBeUndefined()
  })
})

function tiny(seed: number): GanetiCluster {
  const draw = mulberry32(seed)
  const cluster = generators.homogeneous('mem', 3)
  return {
    ...cluster,
    nodes: cluster.nodes.map((node) => {
      const memMib = 2000 + Math.floor(draw() * 2500)
      const diskMib = 1500 + Math.floor(draw() * 4500)
      return {
        ...node,
        ...{ totalMemMib: memMib, nodeMemMib: 0, freeMemMib: memMib },
        ...{ totalDiskMib: diskMib, freeDiskMib: diskMib, cores: 1 },
      }
    }),
  }
}

/** Tries every multiset of pairs. */
function exhaustive(ledger: Ledger, wanted: Request, from = 0): number {
  const count = ledger.nodes.length
  let most = 0
  for (let pair = from; pair < count * count; pair++) {
    const [p, s] = [Math.floor(pair / count), pair % count]
    if (!ledger.fits(p, s, wanted)) continue
    const copy = structuredClone(ledger.nodes)
    ledger.put(p, s, wanted)
    most = Math.max(most, 1 + exhaustive(ledger, wanted, pair))
    for (const [index, node] of ledger.nodes.entries()) {
      const { reservedMibByPeer, ...rest } = copy[index]!
      node.reservedMibByPeer.clear()
      for (const [peer, mib] of reservedMibByPeer) node.reservedMibByPeer.set(peer, mib)
      Object.assign(node, rest)
    }
  }
  return most
}
