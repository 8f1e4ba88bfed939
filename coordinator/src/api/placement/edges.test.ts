/** Requests at the edges of what can be said: each is answered or refused with the field's path. */
import {
  AffinityTarget,
  CpuPolicy,
  type DeepPartial,
  ExplainVirtualMachineRequest,
  ExplainVolumeRequest,
  GetCapacityRequest,
  RuleRelation,
  VerifyGuaranteesRequest,
  VirtualMachineDemand,
  VolumeDemand,
  WhatIfRequest,
} from '@keelson/shared/api'
import { placementReportCodec } from '@keelson/shared/codec'
import type { CallContext } from '@keelson/shared/grpc'
import { describe, expect, it } from 'vitest'
import { createScene, GIB, type Scene } from '../../placement/fixture.ts'
import type { Term } from '../term.ts'
import { placementHandlers } from './index.ts'

const RACK = 'topology.kubernetes.io/rack'
const MIB = 2n ** 20n
const UINT64_MAX = 2n ** 64n - 1n
const VIEWER = {
  identity: { kind: 'user', name: 'ben', role: 'viewer' },
  method: 'keelson.v1.PlacementService.Test',
} as CallContext

/** The handlers over a state that is durable at once. */
function serve({ state }: Scene) {
  const pipeline = { state, settled: async () => undefined }
  return placementHandlers(() => ({ pipeline }) as unknown as Term)
}

function sceneOf(hosts: number): Scene {
  const scene = createScene()
  for (let host = 0; host < hosts; host++) scene.host(`n${host}`, `r${host % 3}`)
  return scene
}

const small = { vcpus: 1, memoryBytes: 128n * MIB }
type Machine = DeepPartial<VirtualMachineDemand>
type Volume = DeepPartial<VolumeDemand>

/** The three questions that may be asked about a machine. */
function askAboutMachine(scene: Scene, demand: Machine) {
  const api = serve(scene)
  const value = VirtualMachineDemand.fromPartial({ compute: small, ...demand })
  const flavor = { name: 'f', demand: { $case: 'virtualMachine' as const, value } }
  const explain = { subject: { $case: 'demand' as const, value } }
  const steps = [{ action: { $case: 'place' as const, value: { flavor, count: 2 } } }]
  return {
    explain: async () =>
      await api.explainVirtualMachine!(ExplainVirtualMachineRequest.fromPartial(explain), VIEWER),
    capacity: async () =>
      await api.getCapacity!(GetCapacityRequest.fromPartial({ flavors: [flavor] }), VIEWER),
    whatIf: async () => await api.whatIf!(WhatIfRequest.fromPartial({ steps }), VIEWER),
  }
}

function askAboutVolume(scene: Scene, demand: Volume) {
  const api = serve(scene)
  const value = VolumeDemand.fromPartial({ sizeBytes: BigInt(GIB), ...demand })
  const flavor = { name: 'f', demand: { $case: 'volume' as const, value } }
  const explain = { subject: { $case: 'demand' as const, value } }
  const steps = [{ action: { $case: 'place' as const, value: { flavor, count: 2 } } }]
  return {
    explain: async () =>
      await api.explainVolume!(ExplainVolumeRequest.fromPartial(explain), VIEWER),
    capacity: async () =>
      await api.getCapacity!(GetCapacityRequest.fromPartial({ flavors: [flavor] }), VIEWER),
    whatIf: async () => await api.whatIf!(WhatIfRequest.fromPartial({ steps }), VIEWER),
  }
}

const rule = {
  target: AffinityTarget.AFFINITY_TARGET_VOLUME,
  names: ['a'],
  relation: RuleRelation.RULE_RELATION_APART,
}

describe('a demand that cannot be met anywhere is refused with the path of its field', () => {
  const machines: [what: string, demand: Machine, path: string][] = [
    ['no CPU', { compute: { ...small, vcpus: 0 } }, 'compute.vcpus: 0'],
    ['too many CPUs', { compute: { ...small, vcpus: 1025 } }, 'compute.vcpus: 1025'],
    ['no memory', { compute: { ...small, memoryBytes: 0n } }, 'compute.memory_bytes: 0'],
    ['half a MiB', { compute: { ...small, memoryBytes: MIB / 2n } }, 'compute.memory_bytes'],
    ['2^53', { compute: { ...small, memoryBytes: 2n ** 53n } }, 'compute.memoryBytes'],
    ['2^53 - 1', { compute: { ...small, memoryBytes: 2n ** 53n - 1n } }, 'compute.memory_bytes'],
    ['2^64 - 1', { compute: { ...small, memoryBytes: UINT64_MAX } }, 'compute.memoryBytes'],
    ['odd hugepages', { compute: { ...small, hugepageSizeBytes: 4096n } }, 'hugepage_size_bytes'],
    ['devices without a name', { compute: { ...small, devices: [{}] } }, 'compute.devices[0]'],
    [
      'billions of devices',
      { compute: { ...small, devices: [{ resource: 'a/b', count: 4e9 }] } },
      'compute.devices[0].count',
    ],
    ['a host that is no name', { rules: { nodes: ['Ä'] } }, 'rules.nodes[0]'],
    ['a selector nobody reads', { rules: { nodeSelector: 'a in (' } }, 'rules.node_selector'],
    ...[Number.NaN, -1, Infinity, -Infinity].map((weight): [string, Machine, string] => [
      `a weight of ${weight}`,
      { rules: { affinities: [{ ...rule, weight }] } },
      'rules.affinities[0].weight',
    ]),
    ['a network that is no name', { networks: ['a b'] }, 'networks[0]'],
    ['a volume that is no name', { volumes: ['x'.repeat(64)] }, 'volumes[0]'],
    ['nine new volumes', { newVolumes: Array(9).fill({ sizeBytes: MIB }) }, 'new_volumes: 9'],
    ['a new volume without size', { newVolumes: [{}] }, 'new_volumes[0].size_bytes'],
  ]
  it.each(machines)('a machine with %s', async (_what, demand, path) => {
    for (const ask of Object.values(askAboutMachine(sceneOf(3), demand)))
      await expect(ask()).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(path),
      })
  })

  const volumes: [what: string, demand: Volume, path: string][] = [
    ['no size', { sizeBytes: 0n }, 'size_bytes'],
    ['one block', { sizeBytes: 4096n }, 'size_bytes'],
    ['2^53 - 1 bytes', { sizeBytes: 2n ** 53n - 1n }, 'size_bytes'],
    ['2^64 - 1 bytes', { sizeBytes: UINT64_MAX }, 'sizeBytes'],
    ['nine replicas', { replicas: 9 }, 'replicas: 9'],
    ['billions of replicas', { replicas: 4_000_000_000 }, 'replicas: 4000000000'],
    ['a domain that is no label', { replicaRules: [{ failureDomain: '', mode: 1 }] }, 'replica_ru'],
    [
      '33 groups',
      { rules: { groups: Array(33).fill({ name: 'g', relation: 2 }) } },
      'rules.groups',
    ],
  ]
  it.each(volumes)('a volume with %s', async (_what, demand, path) => {
    for (const ask of Object.values(askAboutVolume(sceneOf(3), demand)))
      await expect(ask()).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(path),
      })
  })

  it('a size between blocks counts as whole blocks', async () => {
    const { explain } = askAboutVolume(sceneOf(3), { sizeBytes: MIB + 1n })
    expect((await explain()).report?.placeable).toBe(true)
  })
})

describe('a demand that only this cluster cannot meet is answered, not refused', () => {
  const cases: [what: string, demand: Machine][] = [
    [
      '1024 CPUs',
      { compute: { ...small, vcpus: 1024, cpuPolicy: CpuPolicy.CPU_POLICY_DEDICATED } },
    ],
    ['64 TiB', { compute: { ...small, memoryBytes: 2n ** 46n } }],
    ['hugepages', { compute: { ...small, memoryBytes: 2n ** 30n, hugepageSizeBytes: 2n ** 30n } }],
    ['devices', { compute: { ...small, devices: [{ resource: 'acme.com/lamp', count: 64 }] } }],
    ['one NUMA node', { compute: { ...small, vcpus: 1024, numaPolicy: 2 } }],
    ['a host that is not there', { rules: { nodes: ['nowhere'] } }],
    ['a selector that selects nothing', { rules: { nodeSelector: 'a=b' } }],
    ['a host required and excluded', { rules: { nodes: ['n0'], excludedNodes: ['n0'] } }],
    ['8 replicas', { newVolumes: [{ sizeBytes: MIB, replicas: 8 }] }],
  ]
  it.each(cases)('%s', async (_what, demand) => {
    for (const hosts of [0, 1, 4]) {
      const { capacity, explain, whatIf } = askAboutMachine(sceneOf(hosts), demand)
      const { report } = await explain()
      expect(report).toMatchObject({ placeable: false, summary: expect.stringMatching(/./) })
      const { flavors } = await capacity()
      for (const one of [flavors![0]!.now, flavors![0]!.withNodeLoss, flavors![0]!.withDomainLoss])
        expect([one?.count, one?.upperBound]).toEqual([0n, 0n])
      const { results } = await whatIf()
      expect(results![0]!.summary).toMatch(/^0 of 2 × f placed/)
    }
  })
})

describe('a play is bounded', () => {
  type Steps = NonNullable<DeepPartial<WhatIfRequest>['steps']>
  const play = (steps: Steps) =>
    serve(sceneOf(3)).whatIf!(WhatIfRequest.fromPartial({ steps }), VIEWER)
  const fail = { action: { $case: 'failNode' as const, value: 'n0' } }
  const back = { action: { $case: 'returnNode' as const, value: 'n0' } }
  const add = (count: number, profile = 'ax42') => ({
    action: { $case: 'addNodes' as const, value: { profile, count } },
  })

  it('plays 32 steps', async () => {
    const { results } = await play(Array.from({ length: 16 }, () => [fail, back]).flat())
    expect(results).toHaveLength(32)
  })

  const refused: [what: string, steps: Steps, code: string, message: string][] = [
    ['33 steps', Array(33).fill(fail), 'INVALID_ARGUMENT', 'steps: 33'],
    ['no step', [], 'INVALID_ARGUMENT', 'steps: 0'],
    ['100,000 hosts', [add(100_000)], 'INVALID_ARGUMENT', 'steps[0].add_nodes.count'],
    ['1,200 hosts in parts', [add(600), add(600)], 'INVALID_ARGUMENT', 'steps: 1200 hosts'],
    ['hosts of no profile', [add(1, '__proto__')], 'INVALID_ARGUMENT', 'steps[0]: there is no'],
    ['hosts like nobody', [add(1, 'like:ghost')], 'NOT_FOUND', 'steps[0]: node "ghost"'],
    [
      'a host that is not there',
      [fail, { action: { $case: 'drainNode', value: 'ghost' } }],
      'NOT_FOUND',
      'steps[1]: node "ghost" not found',
    ],
    ['a host that failed', [fail, fail], 'FAILED_PRECONDITION', 'steps[1]: n0 has failed'],
  ]
  it.each(refused)('not %s', async (_what, steps, code, message) => {
    await expect(play(steps)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
  })
})

describe('guarantees and flavors are bounded', () => {
  const verify = (losses: number, times = 1) => {
    const guarantees = Array(times).fill({ failureDomain: RACK, losses, mode: 3 })
    return serve(sceneOf(40)).verifyGuarantees!(
      VerifyGuaranteesRequest.fromPartial({ guarantees }),
      VIEWER,
    )
  }
  it('the loss of more domains than there are is the loss of all', async () => {
    const { checks } = await verify(16)
    expect(checks!.map(({ domains }) => domains)).toEqual([['r0', 'r1', 'r2']])
  })
  it('not the loss of billions of domains, nor 17 guarantees', async () => {
    await expect(verify(4_294_967_295)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('guarantees[0]: the guarantee about'),
    })
    await expect(verify(1, 17)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  const value = VirtualMachineDemand.fromPartial({ compute: small })
  const flavor = { name: 'f', demand: { $case: 'virtualMachine' as const, value } }
  const count = (flavors: number) =>
    serve(sceneOf(3)).getCapacity!(
      GetCapacityRequest.fromPartial({ flavors: Array(flavors).fill(flavor) }),
      VIEWER,
    )
  it('64 flavors are counted alike, 65 are refused', async () => {
    const { flavors } = await count(64)
    expect(new Set(flavors!.map(({ now }) => now!.count)).size).toBe(1)
    await expect(count(65)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

describe('a large cluster', () => {
  it('explains in less than 64 kB, and a refusal fits the trailer', async () => {
    const scene = createScene()
    const labels = Object.fromEntries(
      Array.from({ length: 50 }, (_, l) => [`l${l}`, 'x'.repeat(63)]),
    )
    for (let host = 0; host < 2_000; host++)
      scene.host(`${'n'.repeat(50)}${host}`, `rack-${host}`, {
        labels: { ...labels, l0: `${host}` },
      })
    const newVolumes = Array.from({ length: 8 }, () => ({ sizeBytes: 2n ** 50n, replicas: 8 }))
    const { explain } = askAboutMachine(scene, { newVolumes })
    const { report } = await explain()
    expect(report!.placeable).toBe(false)
    const domain = placementReportCodec.read(report!, 'report')
    expect(
      JSON.stringify(domain, (_, v) => (typeof v === 'bigint' ? `${v}` : v)).length,
    ).toBeLessThan(64_000)
  })
})
