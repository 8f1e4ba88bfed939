import type { CpuFacts, NumaFacts, OsFacts, PciFacts } from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { createScene, GIB, machineDemand, type Scene, volumeDemand } from '../fixture.ts'
import { placeMachine, placeMachines } from '../place.ts'
import { overheadBytes } from '../view/index.ts'

const MIB = 2 ** 20
const subject = { name: 'new', uid: 'new' }

function twoHosts(): Scene {
  const scene = createScene()
  scene.host('n1', 'a')
  scene.host('n2', 'b')
  return scene
}

const place = (scene: Scene, demand = machineDemand()) =>
  placeMachine(
    scene.state,
    subject,
    demand,
    demand.newVolumes.map((_, index) => `new-${index}`),
    { explain: true },
  )

/** What n1 is told. */
function verdict(scene: Scene, demand: ReturnType<typeof machineDemand>): string {
  const { report } = place(scene, demand)
  const { reason, rejectedBy } = report.nodes.find(({ node }) => node === 'n1')!
  return rejectedBy === '' ? '' : `${rejectedBy}: ${reason}`
}

const cpu = (changes: Partial<CpuFacts>): CpuFacts => ({
  sockets: 1,
  cores: 8,
  threads: 16,
  packages: [{ id: 0, vendor: 'AuthenticAMD', cores: 8, threads: 16 }],
  cpus: [],
  caches: [],
  flags: ['avx2', 'sse4_2'],
  vulnerabilities: {},
  ...changes,
})
const numa = (cells: readonly number[]): NumaFacts => ({
  nodes: cells.map((memoryGib, id) => ({
    id,
    cpus: `${id * 8}-${id * 8 + 7}`,
    memoryBytes: memoryGib * GIB,
    distances: [],
    hugePages: [{ pageBytes: GIB, total: 4 }],
  })),
})
const gpus = (count: number, driver: string): PciFacts => ({
  devices: Array.from({ length: count }, (_, index) => ({
    address: `0000:0${index}:00.0`,
    vendorId: '0x10de',
    deviceId: '0x1eb8',
    driver,
  })),
  gpus: [],
})

type Demand = Parameters<typeof machineDemand>[0]
const device = { resource: '', pciId: '10de:1eb8', count: 2 }

const cases: readonly [
  name: string,
  prepare: (scene: Scene) => void,
  demand: Demand,
  verdict: string,
][] = [
  ['nothing special', () => undefined, {}, ''],
  [
    'a host without KVM',
    (scene) => scene.host('n1', 'a', { status: { capabilities: ['drbd'] } }),
    {},
    'hypervisor: node cannot run machines (no KVM)',
  ],
  [
    'KVM seen in the inventory',
    (scene) => {
      scene.host('n1', 'a', { status: { capabilities: [] } })
      scene.facts('n1', 'os', {
        taints: [],
        modules: [],
        watchdogs: [],
        kvmDevice: true,
      } as OsFacts)
    },
    {},
    '',
  ],
  [
    'a host that never said what it has',
    (scene) => {
      const capacity = { cpuMillis: 0, memoryBytes: 0, storageBytes: 0 }
      scene.host('n1', 'a', { status: { capacity } })
    },
    {},
    'capacity-known: node has not said how much CPU and memory it has',
  ],
  [
    'another architecture',
    (scene) => scene.facts('n1', 'cpu', cpu({ architecture: 'aarch64' })),
    {},
    'architecture: node is arm64, needs amd64',
  ],
  [
    'a CPU model of another maker',
    (scene) => scene.facts('n1', 'cpu', cpu({})),
    { compute: { cpuModel: 'Haswell' } },
    'cpu-model: CPU is from AuthenticAMD, Haswell is from GenuineIntel',
  ],
  [
    'a CPU model whose features are missing',
    (scene) => scene.facts('n1', 'cpu', cpu({})),
    { compute: { cpuModel: 'EPYC' } },
    'cpu-model: CPU lacks bmi2, sha_ni, rdseed, clzero of EPYC',
  ],
  [
    'a CPU model that a label promises',
    (scene) => scene.host('n1', 'a', { labels: { 'cpu-model.node.kubevirt.io/Odd': 'true' } }),
    { compute: { cpuModel: 'Odd' } },
    '',
  ],
  [
    'CPU features, also as libvirt writes them',
    (scene) => scene.facts('n1', 'cpu', cpu({})),
    { compute: { cpuFeatures: ['sse4.2', 'avx512f'] } },
    'cpu-features: CPU lacks avx512f',
  ],
  [
    'CPU features nobody knows',
    () => undefined,
    { compute: { cpuFeatures: ['avx2'] } },
    'cpu-features: CPU features of the node are not known',
  ],
  [
    'a TPM',
    () => undefined,
    { compute: { tpm: true } },
    'tpm: node does not say that it has a TPM',
  ],
  [
    'confidential memory',
    (scene) => scene.facts('n1', 'cpu', cpu({})),
    { compute: { confidentialMode: 'SEV' } },
    'confidential: node does not say that it has SEV (CPU feature sev)',
  ],
  [
    'a network',
    () => undefined,
    { networks: ['lan'] },
    'network: node does not reach network "lan" (no label network.keelson.io/lan, no such bridge)',
  ],
  [
    'a network that a label promises',
    (scene) => scene.host('n1', 'a', { labels: { 'network.keelson.io/lan': '' } }),
    { networks: ['lan'] },
    '',
  ],
  [
    'a network with a bridge of its name',
    (scene) => scene.facts('n1', 'nics', { links: [{ name: 'lan', kind: 'BRIDGE' }] }),
    { networks: ['lan'] },
    '',
  ],
  [
    'memory with what the hypervisor needs',
    () => undefined,
    { compute: { memoryBytes: 60.5 * GIB, vcpus: 1 } },
    'memory: needs 60.9 GiB of memory, 60.8 GiB are left',
  ],
  [
    'dedicated CPUs',
    () => undefined,
    { compute: { vcpus: 15, cpuPolicy: 'Dedicated', isolateEmulatorThread: true } },
    'cpu: needs 16 of CPU, 15 are left',
  ],
  [
    'shared CPUs within the ratio of the policy',
    (scene) => scene.policy({ cpuOvercommitPercent: 100 }),
    { compute: { vcpus: 16 } },
    'cpu: needs 16 of CPU, 15 are left',
  ],
  ['shared CPUs within four to one', () => undefined, { compute: { vcpus: 60 } }, ''],
  [
    'devices nobody has',
    () => undefined,
    { compute: { devices: [device] } },
    'device/10de:1eb8: no node has any 10de:1eb8 for machines',
  ],
  [
    'too few devices',
    (scene) => {
      scene.facts('n1', 'pci', gpus(1, 'vfio-pci'))
      scene.facts('n2', 'pci', gpus(2, 'vfio-pci'))
    },
    { compute: { devices: [device] } },
    'device/10de:1eb8: needs 2 of 10de:1eb8, 1 are left',
  ],
  [
    'devices that the host uses itself',
    (scene) => scene.facts('n1', 'pci', gpus(2, 'nvidia')),
    { compute: { devices: [device] } },
    'device/10de:1eb8: no node has any 10de:1eb8 for machines',
  ],
  [
    'devices that a label promises',
    (scene) => scene.host('n1', 'a', { labels: { 'device.keelson.io/nvidia.com.T4': '2' } }),
    { compute: { devices: [{ resource: 'nvidia.com/T4', pciId: '', count: 2 }] } },
    '',
  ],
  [
    'hugepages',
    (scene) => {
      const hugePages = [{ pageBytes: GIB, total: 2 }]
      scene.facts('n1', 'memory', { dimms: [], emptySlots: [], hugePages })
    },
    { compute: { hugepageSizeBytes: GIB } },
    'hugepages-1Gi: needs 4 GiB of hugepages-1Gi, 2 GiB are left',
  ],
  [
    'one NUMA node that is large enough',
    (scene) => scene.facts('n1', 'numa', numa([32, 32])),
    { compute: { numaPolicy: 'Single', memoryBytes: 20 * GIB } },
    '',
  ],
  [
    'more memory than one NUMA node has',
    (scene) => scene.facts('n1', 'numa', numa([32, 32])),
    { compute: { numaPolicy: 'Single', memoryBytes: 30 * GIB } },
    'numa: needs 30.4 GiB on one NUMA node, the freest has 28 GiB',
  ],
  [
    'more CPUs than one NUMA node has',
    (scene) => scene.facts('n1', 'numa', numa([32, 32])),
    { compute: { numaPolicy: 'Single', vcpus: 9, cpuPolicy: 'Dedicated' } },
    'numa: needs 9 CPUs on one NUMA node, the freest has 8',
  ],
  [
    'equal parts',
    (scene) => scene.facts('n1', 'numa', numa([32, 32])),
    { compute: { numaPolicy: 'Spread', memoryBytes: 50 * GIB, vcpus: 4 } },
    '',
  ],
  [
    'equal parts on one NUMA node',
    (scene) => scene.facts('n1', 'numa', numa([64])),
    { compute: { numaPolicy: 'Spread' } },
    'numa: host has 1 NUMA node, equal parts need 2',
  ],
  [
    'a volume without DRBD elsewhere',
    (scene) => scene.volume('db', 1, ['n2']),
    { volumes: ['db'] },
    'volume-reach: volume "db" is only on n2',
  ],
  [
    'data that must be local',
    (scene) => {
      scene.host('n3', 'c')
      scene.volume('db', 1, ['n2', 'n3'])
    },
    { volumes: ['db'], volumeLocality: 'Required' },
    'locality: has the data of 0 of its 1 volumes',
  ],
]

describe('a machine', () => {
  it.each(cases)('%s', (_name, prepare, demand, expected) => {
    const scene = twoHosts()
    prepare(scene)
    expect(verdict(scene, machineDemand(demand))).toBe(expected)
  })

  it('needs what KubeVirt adds to the memory of its guest', () => {
    const demand = (compute: Demand) => machineDemand(compute).compute
    const base = 8 * MIB + 248 * MIB + 4 * 8 * MIB + 32 * MIB
    expect(overheadBytes(demand({}))).toBe(base)
    expect(overheadBytes(demand({ compute: { headless: true } }))).toBe(base - 32 * MIB)
    expect(overheadBytes(demand({ compute: { cpuPolicy: 'Dedicated' } }))).toBe(base + 100 * MIB)
    expect(overheadBytes(demand({ compute: { devices: [device] } }))).toBe(base + 1024 * MIB)
    expect(overheadBytes(demand({ compute: { tpm: true } }))).toBe(base + 53 * MIB)
    expect(overheadBytes(demand({ compute: { architecture: 'arm64' } }))).toBe(base + 128 * MIB)
    expect(overheadBytes(demand({ compute: { confidentialMode: 'SEV' } }))).toBe(base + 256 * MIB)
  })

  it('prefers the host of its data', () => {
    const scene = twoHosts()
    scene.host('n3', 'c')
    scene.volume('db', 1, ['n2', 'n3'])
    const { node } = place(scene, machineDemand({ volumes: ['db'] }))
    expect(['n2', 'n3']).toContain(node)
  })

  it('gets its new volumes in the same decision, or none of it', () => {
    const scene = twoHosts()
    const volumes = [volumeDemand({ replicas: 2 }), volumeDemand()]
    const fits = place(scene, machineDemand({ newVolumes: volumes }))
    expect(fits.volumes.map((places) => places.length)).toEqual([2, 1])
    expect(fits.volumes[1]![0]!.node).toBe(fits.node)
    expect(fits.report.parts!.map(({ placeable, subject: name }) => [name, placeable])).toEqual([
      ['volume/new-0', true],
      ['volume/new-1', true],
    ])
    const large = [...volumes, volumeDemand({ sizeBytes: 200 * GIB })]
    const refused = place(scene, machineDemand({ newVolumes: large }))
    expect(refused).toMatchObject({ node: '', volumes: [], reserved: undefined })
    expect(refused.report.summary).toContain('volume/new-2: 1 × 200 GiB cannot be placed')
  })

  it('runs beside a new volume in one copy, and near its other data if it can', () => {
    const scene = twoHosts()
    scene.host('n3', 'c')
    scene.volume('db', 1, ['n2', 'n3'])
    const newVolumes = [volumeDemand()]
    const near = place(scene, machineDemand({ volumes: ['db'], newVolumes }))
    expect(['n2', 'n3']).toContain(near.node)
    expect(near.volumes).toEqual([[{ node: near.node, pool: 'p' }]])
    for (const node of ['n2', 'n3']) scene.volume(`full-${node}`, 95, [node])
    const far = place(scene, machineDemand({ volumes: ['db'], newVolumes }))
    expect([far.node, far.volumes]).toEqual(['n1', [[{ node: 'n1', pool: 'p' }]]])
  })

  it('has a standby in another domain where a guarantee is enforced, or is refused', () => {
    const scene = twoHosts()
    const label = 'topology.kubernetes.io/rack'
    scene.policy({ guarantees: [{ failureDomain: label, losses: 1, mode: 'Enforce' }] })
    const demand = machineDemand({ compute: { memoryBytes: 30 * GIB } })
    const found = place(scene, demand)
    expect([found.node, found.standbyNode].sort()).toEqual(['n1', 'n2'])
    scene.machine('large', 'n2', { memoryBytes: 40 * GIB })
    const { node, report } = place(scene, demand)
    expect(node).toBe('')
    expect(report.nodes.map(({ node: name, rejectedBy }) => [name, rejectedBy])).toEqual([
      ['n1', 'standby'],
      ['n2', 'memory'],
    ])
    expect(report.nodes[0]!.reason).toMatch(
      /^no other failure domain keeps 30\.4 GiB for it, 20\.\d GiB is the most$/,
    )
  })

  it('has no standby where its data is in one copy, which is told', () => {
    const scene = twoHosts()
    scene.policy({ guarantees: [{ failureDomain: '', losses: 1, mode: 'Enforce' }] })
    const newVolumes = [volumeDemand()]
    for (const volumeLocality of ['Required', 'Preferred'] as const) {
      const { node, report, standbyNode } = place(
        scene,
        machineDemand({ newVolumes, volumeLocality }),
      )
      expect(standbyNode).toBe('')
      expect(report.summary).toBe(
        `4 vCPUs, 4 GiB on ${node}; volume/new-0 has 1 replica: no guarantee covers it`,
      )
    }
  })

  it('is told the NUMA nodes and CPUs that are its own, and they are not given twice', () => {
    const scene = createScene()
    scene.host('n1', 'a')
    scene.facts('n1', 'numa', numa([32, 32]))
    const compute = { numaPolicy: 'Single', cpuPolicy: 'Dedicated', vcpus: 5 } as const
    const demand = machineDemand({ compute })
    const wanted = ['m1', 'm2', 'm3'].map((name) => ({
      subject: { name, uid: name },
      demand,
      newVolumes: [],
    }))
    const placed = placeMachines(scene.state, wanted)
    expect(placed.map(({ reserved }) => reserved?.numaNodes.map((cell) => cell.cpuIds))).toEqual([
      [[0, 1, 2, 3, 4]],
      [[8, 9, 10, 11, 12]],
      undefined,
    ])
  })
})

describe('machines placed together', () => {
  const wanted = (name: string, changes: Demand = {}) => ({
    subject: { name, uid: name },
    demand: machineDemand(changes),
    newVolumes: [],
  })

  it('do not fail for one that is impossible, or whose rules cannot be read', () => {
    const placed = placeMachines(twoHosts().state, [
      wanted('m1'),
      wanted('huge', { compute: { memoryBytes: 900 * GIB } }),
      wanted('odd', { rules: { nodeSelector: 'a b c' } }),
      wanted('m2'),
    ])
    expect(placed.map(({ node }) => node !== '')).toEqual([true, false, false, true])
    expect(placed[1]!.report.closestMiss).toMatch(/^n\d lacks .* GiB of memory$/)
    expect(placed[2]!.report.summary).toContain('is not a label selector term')
  })

  it('see each other where rules tie them', () => {
    const rule = {
      name: 'web',
      relation: 'Apart',
      failureDomain: '',
      strength: 'Required',
      maximumPerDomain: 1,
    } as const
    const rules = { groups: [rule] }
    const placed = placeMachines(
      twoHosts().state,
      ['m1', 'm2', 'm3'].map((name) => wanted(name, { rules })),
    )
    expect(
      placed
        .slice(0, 2)
        .map(({ node }) => node)
        .sort(),
    ).toEqual(['n1', 'n2'])
    expect(placed[2]!.node).toBe('')
  })
})
