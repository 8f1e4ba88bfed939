import type { PlacementRules, VirtualMachineSpec } from '@keelson/shared/model'
import { NO_RULES } from '@keelson/shared/model'
import { seededRng } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import { machineSpec, newDisk, volumeDisk } from '../testing/index.ts'
import { createAdmission } from './admission.ts'

const admission = createAdmission({ clock: createFakeClock(), rng: seededRng(1) })
const named = { name: 'web', labels: {}, dryRun: false }
const MIB = 2 ** 20
const GIB = 2 ** 30

const admit = (spec: Partial<VirtualMachineSpec>) =>
  admission.createVirtualMachine('user/ada', named, machineSpec(spec))
const compute = (changes: Partial<VirtualMachineSpec['compute']>) => ({
  compute: { ...machineSpec().compute, ...changes },
})
const rules = (changes: Partial<PlacementRules>) => ({ rules: { ...NO_RULES, ...changes } })
const nic = (changes: Partial<VirtualMachineSpec['interfaces'][number]>) => ({
  interfaces: [{ name: 'eth0', network: 'lan', macAddress: '', ipAddresses: [], ...changes }],
})
const device = (resource: string, pciId: string, count = 1) =>
  compute({ devices: [{ resource, pciId, count }] })
const apart = {
  target: 'VirtualMachine',
  names: ['a'],
  labelSelector: '',
  relation: 'Apart',
  failureDomain: '',
  strength: 'Required',
  weight: 1,
} as const
const disk = (name: string, volume = '') => {
  const made = newDisk('web', name, { sizeBytes: GIB })
  if (made.source.type !== 'NewVolume') throw new Error('a new disk has a new volume')
  const newVolume = { ...made.source.newVolume, name: volume }
  return { ...made, source: { type: 'NewVolume' as const, newVolume } }
}

describe('the spec of a machine', () => {
  it.each<[string, Partial<VirtualMachineSpec>]>([
    ['the fewest CPUs', compute({ vcpus: 1 })],
    ['the most CPUs', compute({ vcpus: 1024 })],
    ['the least memory', compute({ memoryBytes: MIB })],
    ['the most memory', compute({ memoryBytes: 2 ** 46 })],
    ['small hugepages', compute({ hugepageSizeBytes: 2 * MIB, memoryBytes: 4 * MIB })],
    ['large hugepages', compute({ hugepageSizeBytes: GIB, memoryBytes: GIB })],
    ['an isolated emulator', compute({ isolateEmulatorThread: true, cpuPolicy: 'Dedicated' })],
    ['devices', device('nvidia.com/TU104GL_Tesla_T4', '', 64)],
    ['devices by id', device('', '10de:1eb8')],
    ['an address of each family', nic({ ipAddresses: ['10.0.0.1', 'fd00::1'] })],
    ['a hardware address', nic({ macAddress: '52:54:00:12:34:56' })],
    ['a toleration of everything', rules({ tolerations: [{ key: '' }] })],
  ])('may have %s', (_name, spec) => {
    expect(() => admit(spec)).not.toThrow()
  })

  it.each<[string, Partial<VirtualMachineSpec>]>([
    ['spec.compute.vcpus: 0 is not 1 to 1024', compute({ vcpus: 0 })],
    ['spec.compute.vcpus: 1025 is not 1 to 1024', compute({ vcpus: 1025 })],
    ['spec.compute.memory_bytes: 0 is not 1 MiB to 64 TiB', compute({ memoryBytes: 0 })],
    ['spec.compute.memory_bytes', compute({ memoryBytes: 2 ** 46 + MIB })],
    ['is not a multiple of 1 MiB', compute({ memoryBytes: MIB + 1 })],
    ['is not a multiple of 1 GiB', compute({ memoryBytes: GIB + MIB, hugepageSizeBytes: GIB })],
    ['hugepage_size_bytes: 4096 is neither', compute({ hugepageSizeBytes: 4096 })],
    ['isolate_emulator_thread: needs dedicated', compute({ isolateEmulatorThread: true })],
    ['spec.compute.devices[0]: one of resource and pci_id', device('', '')],
    ['spec.compute.devices[0]: one of resource and pci_id', device('a', '10de:1eb8')],
    ['spec.compute.devices[0].pci_id', device('', '10DE:1eb8')],
    ['spec.compute.devices[0].count: 65 devices', device('a', '', 65)],
    ['spec.compute.cpu_model: "" is not', compute({ cpuModel: '' })],
    ['spec.compute.cpu_features[0]', compute({ cpuFeatures: ['a b'] })],
    [
      'spec.compute.confidential_mode: SEV exists on amd64',
      compute({ confidentialMode: 'SEV', architecture: 'arm64' }),
    ],
    ['spec.disks[0].name: disk name "A"', { disks: [disk('A')] }],
    ['spec.disks: "root" is there twice', { disks: [disk('root'), disk('root', 'b')] }],
    ['spec.disks: "data" is there twice', { disks: [volumeDisk('data'), disk('a', 'data')] }],
    ['spec.disks[0].volume: volume name "B"', { disks: [{ ...volumeDisk('B'), name: 'b' }] }],
    ['spec.disks[0].new_volume.name: volume name', { disks: [disk('x'.repeat(60))] }],
    [
      'spec.disks: 9 new volumes, at most 8',
      { disks: Array.from({ length: 9 }, (_, index) => disk(`d${index}`)) },
    ],
    [
      'spec.disks: 65 entries, at most 64',
      { disks: Array.from({ length: 65 }, (_, index) => volumeDisk(`v${index}`)) },
    ],
    [
      'spec.disks[0].new_volume.spec: size 5 bytes is below',
      { disks: [newDisk('web', 'a', { sizeBytes: 5 })] },
    ],
    ['spec.interfaces[0].network: network name is empty', nic({ network: '' })],
    ['spec.interfaces[0].mac_address: "52:54', nic({ macAddress: '52:54:00:12:34:5G' })],
    ['is an address of a group', nic({ macAddress: '53:54:00:12:34:56' })],
    ['spec.interfaces[0].ip_addresses[0]: "a"', nic({ ipAddresses: ['a'] })],
    ['at most one address of each family', nic({ ipAddresses: ['10.0.0.1', '10.0.0.2'] })],
    ['spec.rules.node_selector: "=="', rules({ nodeSelector: '==' })],
    ['spec.rules.nodes[1]: node name "B"', rules({ nodes: ['a', 'B'] })],
    ['spec.rules.tolerations[0].key', rules({ tolerations: [{ key: '-' }] })],
    ['spec.rules.tolerations[0].value', rules({ tolerations: [{ key: '', value: 'a' }] })],
    ['affinities[0]: names and label_selector', rules({ affinities: [{ ...apart, names: [] }] })],
    ['affinities[0].weight: 0 is not', rules({ affinities: [{ ...apart, weight: 0 }] })],
    ['affinities[0].weight: NaN is', rules({ affinities: [{ ...apart, weight: Number.NaN }] })],
    [
      'affinities[0].label_selector: tenants are',
      rules({ affinities: [{ ...apart, target: 'Tenant', labelSelector: 'a=b' }] }),
    ],
    ['affinities[0].failure_domain', rules({ affinities: [{ ...apart, failureDomain: '-' }] })],
    ['spec.rules.affinities: 33 entries', rules({ affinities: Array(33).fill(apart) })],
  ])('is refused: %s', (message, spec) => {
    expect(() => admit(spec)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(() => admit(spec)).toThrow(message)
  })

  it('names its new volumes after itself, and gives each a fresh id', () => {
    const { spec, volumeUids } = admit({
      disks: [disk('root'), volumeDisk('data'), disk('b', 'c')],
    })
    const names = spec.disks.map(({ source }) =>
      source.type === 'NewVolume' ? source.newVolume.name : source.volume,
    )
    expect(names).toEqual(['web-root', 'data', 'c'])
    expect(new Set(volumeUids).size).toBe(2)
  })

  it('with names in another order is the same', () => {
    const { spec } = admit(rules({ nodes: ['b', 'a', 'b'], excludedNodes: ['d', 'c'] }))
    expect(spec.rules).toMatchObject({ nodes: ['a', 'b'], excludedNodes: ['c', 'd'] })
  })
})

describe('a change of a machine', () => {
  const change = (fields: object) =>
    admission.updateVirtualMachine('user/ada', {
      ...{ name: 'web', setLabels: {}, removeLabels: [], expectedResourceVersion: 0 },
      ...fields,
    })

  it('of the whole spec says what it is based on, and has one run policy', () => {
    const spec = machineSpec()
    expect(() => change({ spec })).toThrow('expected_resource_version')
    const both = { spec, expectedResourceVersion: 3, runPolicy: 'Halted' }
    expect(() => change(both)).toThrow('run_policy')
    expect(change({ spec, expectedResourceVersion: 3 })).toMatchObject({ spec })
    expect(change({ runPolicy: 'Halted' })).toMatchObject({ runPolicy: 'Halted' })
  })
})

describe('a volume', () => {
  const volume = { ...{ sizeBytes: GIB, storageClass: '', pool: '', replicas: 1 }, nodes: [] }
  const create = (fields: object, tenant?: string) =>
    admission.createVolume(
      'user/ada',
      { ...named, ...(tenant !== undefined && { tenant }) },
      { ...volume, sourceSnapshot: '', ...fields },
    )

  it('that says what would be so anyway is the same as one that does not', () => {
    const plain = create({}, '')
    const said = create({ rules: NO_RULES, tieBreakerMode: 'Auto' })
    expect(said.spec).toStrictEqual(plain.spec)
    expect('tenant' in plain).toBe(false)
    expect(create({ tieBreakerMode: 'Never' }, 't1')).toMatchObject({
      ...{ tenant: 't1', spec: { tieBreakerMode: 'Never' } },
    })
  })

  it.each([
    ['tenant name "T"', {}, 'T'],
    [
      'spec.replica_rules[0].failure_domain',
      { replicaRules: [{ failureDomain: '', mode: 'Same', maximumPerDomain: 1 }] },
    ],
    [
      'spec.rules.affinities[0].weight',
      { rules: { ...NO_RULES, affinities: [{ ...apart, weight: -1 }] } },
    ],
  ] as const)('is refused: %s', (message, fields, tenant?: string) => {
    expect(() => create(fields, tenant)).toThrow(message)
  })
})
