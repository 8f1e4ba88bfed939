import { systemClock } from '@keelson/shared/runtime'
import { describe, expect, it } from 'vitest'
import { hideSecrets } from './os.ts'
import { fixture, readSection, tempTree } from './test-trees.ts'
import { collectReadings } from './watch.ts'

const SERVER = fixture('r660-2s')
const GiB = 2 ** 30

describe('section system', () => {
  it('of a server', async () => {
    const { facts, section } = await readSection(SERVER, 'system')
    expect(facts).toEqual({
      vendor: 'Dell Inc.',
      product: 'PowerEdge R660',
      sku: 'SKU=0A6B;ModelName=PowerEdge R660',
      family: 'PowerEdge',
      serial: '7XK2M04',
      uuid: '4c4c4544-0058-4b10-8032-b7c04f4d3034',
      bios: { vendor: 'Dell Inc.', version: '2.3.5', date: '2024-09-11' },
      board: {
        vendor: 'Dell Inc.',
        name: '0M4W3W',
        version: 'A01',
        serial: '.7XK2M04.CNFCP0023500A1.',
      },
      chassis: {
        vendor: 'Dell Inc.',
        type: 'Rack Mount Chassis',
        serial: '7XK2M04',
        assetTag: 'DC1-A12-U22',
      },
      bootMode: 'UEFI',
      secureBoot: true,
      tpmVersion: '2.0',
      lockdown: 'integrity',
      hypervisor: '',
    })
    expect(section.meta.status).toBe('OK')
  })

  it('without DMI: gaps with a reason, no empty texts', async () => {
    const { facts, gaps, section } = await readSection(fixture('no-dmi-vm'), 'system')
    expect(facts).toEqual({ hypervisor: 'kvm' })
    expect(gaps).toContainEqual({ path: 'serial', reason: '/sys/class/dmi/id does not exist' })
    expect(section.meta.status).toBe('PARTIAL')
  })

  it('placeholders and odd dates are gaps that quote them', async () => {
    using tree = tempTree('r660-2s')
    tree.write('/sys/class/dmi/id/product_serial', 'To be filled by O.E.M.\n')
    tree.write('/sys/class/dmi/id/bios_date', '2024.09.11\n')
    const { facts, gaps } = await readSection(tree.root, 'system')
    expect(facts).not.toHaveProperty('serial')
    expect(facts.bios).not.toHaveProperty('date')
    expect(gaps).toEqual([
      { path: 'bios.date', reason: '"2024.09.11" is not MM/DD/YYYY' },
      { path: 'serial', reason: 'the firmware has the placeholder "To be filled by O.E.M."' },
    ])
  })
})

describe('section cpu', () => {
  it('counts sockets, cores and threads', async () => {
    const { facts } = await readSection(SERVER, 'cpu')
    expect(facts).toMatchObject({
      architecture: 'x86_64',
      sockets: 2,
      cores: 4,
      threads: 8,
      smt: 'on',
      physicalAddressBits: 46,
      virtualAddressBits: 57,
      vulnerabilities: { meltdown: 'Not affected' },
    })
    expect(facts.packages[1]).toEqual({
      id: 1,
      vendor: 'GenuineIntel',
      modelName: 'Intel(R) Xeon(R) Gold 6430',
      family: 6,
      model: 143,
      stepping: 8,
      microcode: '0x2b000603',
      cores: 2,
      threads: 4,
      baseKhz: 2_100_000,
      maxKhz: 3_400_000,
    })
    expect(facts.cpus[3]).toEqual({
      id: 3,
      online: true,
      package: 1,
      die: 0,
      core: 1,
      numaNode: 1,
      isolated: true,
      tickless: true,
      governor: 'performance',
    })
  })

  it('names every cache once', async () => {
    const { facts } = await readSection(SERVER, 'cpu')
    expect(facts.caches).toHaveLength(4 + 4 + 4 + 2)
    expect(facts.caches.filter((cache) => cache.level === 3)).toEqual([
      { level: 3, kind: 'UNIFIED', sizeBytes: 60 * 2 ** 20, sharedCpus: '0-1,4-5' },
      { level: 3, kind: 'UNIFIED', sizeBytes: 60 * 2 ** 20, sharedCpus: '2-3,6-7' },
    ])
  })

  it('keeps only flags that all CPUs have, and shows microcode that differs', async () => {
    using tree = tempTree()
    const block = (id: number, flags: string, microcode: string) =>
      `processor\t: ${id}\nvendor_id\t: GenuineIntel\nmicrocode\t: ${microcode}\nflags\t\t: ${flags}\n`
    for (const id of [0, 1]) {
      tree.write(`/sys/devices/system/cpu/cpu${id}/topology/physical_package_id`, '0\n')
      tree.write(`/sys/devices/system/cpu/cpu${id}/topology/core_id`, `${id}\n`)
    }
    tree.write('/proc/cpuinfo', `${block(0, 'lm aes vmx', '0x2')}\n${block(1, 'aes lm', '0x1')}`)
    const { facts } = await readSection(tree.root, 'cpu')
    expect(facts.flags).toEqual(['aes', 'lm'])
    expect(facts.packages[0]?.microcode).toBe('0x1,0x2')
  })

  it('an offline CPU is listed and not counted', async () => {
    using tree = tempTree('r660-2s')
    tree.write('/sys/devices/system/cpu/online', '0-6\n')
    const { facts } = await readSection(tree.root, 'cpu')
    expect(facts).toMatchObject({ threads: 7, cores: 4 })
    expect(facts.cpus[7]).toMatchObject({ id: 7, online: false })
  })
})

describe('section numa', () => {
  it('has distances and huge pages per node', async () => {
    const { facts } = await readSection(SERVER, 'numa')
    expect(facts.nodes[1]).toEqual({
      id: 1,
      cpus: '2-3,6-7',
      memoryBytes: 264_200_000 * 1024,
      distances: [21, 10],
      hugePages: [
        { pageBytes: 2 ** 21, total: 512 },
        { pageBytes: GiB, total: 0 },
      ],
    })
  })
})

describe('section memory', () => {
  it('sums the modules', async () => {
    const { facts, section } = await readSection(SERVER, 'memory')
    expect(facts).toMatchObject({
      totalBytes: 527_600_000 * 1024,
      slots: 4,
      emptySlots: ['A3'],
      errorCorrection: 'Multi-bit ECC',
    })
    expect(facts.installedBytes).toBe(128 * GiB + 32_752 * 2 ** 20)
    expect(section.meta.status).toBe('OK')
  })

  it('without a table: no modules, no sum, a gap', async () => {
    const { facts, gaps } = await readSection(fixture('no-dmi-vm'), 'memory')
    expect(facts).not.toHaveProperty('installedBytes')
    expect(facts).not.toHaveProperty('slots')
    expect(gaps.map((gap) => gap.path)).toContain('dimms')
  })
})

describe('section pci', () => {
  it('has driver, group, slot and a link that runs below its best', async () => {
    const { facts } = await readSection(SERVER, 'pci')
    expect(facts.iommu).toBe(true)
    expect(facts.devices.find((each) => each.address === '0000:98:00.0')).toEqual({
      address: '0000:98:00.0',
      class: '0x010802',
      vendorId: '0x1e0f',
      deviceId: '0x0013',
      subsystemVendorId: '0x1028',
      subsystemDeviceId: '0x0001',
      revision: '0x00',
      driver: 'nvme',
      iommuGroup: 21,
      numaNode: 1,
      linkGts: 8,
      linkWidth: 2,
      maxLinkGts: 16,
      maxLinkWidth: 4,
    })
    expect(facts.devices.find((each) => each.address === '0000:16:00.0')?.slot).toBe('21')
    expect(facts.devices.find((each) => each.address === '0000:9a:00.2')?.physicalFunction).toBe(
      '0000:9a:00.0',
    )
    expect(facts.gpus).toEqual([{ pciAddress: '0000:03:00.0' }])
  })
})

describe('section os', () => {
  it('of a server', async () => {
    const { facts, section } = await readSection(SERVER, 'os')
    expect(facts).toMatchObject({
      hostname: 'r660-2s',
      distribution: 'debian',
      distributionVersion: '12',
      prettyName: 'Debian GNU/Linux 12 (bookworm)',
      kernelRelease: '6.1.0-25-amd64',
      taints: ['OUT_OF_TREE_MODULE', 'UNSIGNED_MODULE'],
      kvmDevice: true,
      kvmNested: true,
      clock: { source: 'tsc', service: 'systemd-timesyncd', synchronized: true },
      watchdogs: ['iTCO_wdt'],
    })
    expect(section.meta.status).toBe('OK')
  })

  it('tells loaded, built-in, installed and missing modules apart', async () => {
    const { facts } = await readSection(SERVER, 'os')
    expect(Object.fromEntries(facts.modules.map((each) => [each.name, each]))).toMatchObject({
      drbd: { state: 'LOADED', version: '9.2.11' },
      zfs: { state: 'LOADED', version: '2.2.6-1' },
      loop: { state: 'BUILT_IN' },
      dm_thin_pool: { state: 'AVAILABLE' },
      kvm_amd: { state: 'MISSING' },
    })
  })

  it('without an index of modules it does not call them missing', async () => {
    const { facts, gaps } = await readSection(fixture('no-dmi-vm'), 'os')
    const states = Object.fromEntries(facts.modules.map((each) => [each.name, each.state]))
    expect(states).toMatchObject({ kvm: 'BUILT_IN', drbd: undefined })
    expect(gaps.find((gap) => gap.path === 'modules')?.reason).toMatch(/nothing is known of .*drbd/)
    expect(facts.clock).toEqual({ source: 'tsc', service: 'chrony' })
  })

  it('hides secrets of the command line', async () => {
    const { facts } = await readSection(SERVER, 'os')
    expect(facts.commandLine).toMatch(/iommu=pt iscsi_password=\(hidden\) quiet/)
    expect(hideSecrets('root=/dev/sda2 api_key=x SECRET=y')).toBe(
      'root=/dev/sda2 api_key=(hidden) SECRET=(hidden)',
    )
  })
})

describe('readings', () => {
  it('of a server', () => {
    const readings = collectReadings({ sysroot: SERVER, clock: systemClock, node: 'n1' })
    expect(readings).toMatchObject({
      node: 'n1',
      memory: { totalBytes: 527_600_000 * 1024, swapFreeBytes: 8_388_604 * 1024 },
      load: { oneMinute: 0.52, fiveMinutes: 0.58, fifteenMinutes: 0.59 },
      uptimeSeconds: 86_461.12,
      clock: { synchronized: true },
      numa: [
        { id: 0, hugePages: [{ free: 0 }, { free: 0 }] },
        { id: 1, hugePages: [{ pageBytes: 2 ** 21, free: 500 }, { free: 0 }] },
      ],
    })
    expect(readings.links).toContainEqual({ name: 'bond0', carrierChanges: 2 })
    expect(readings.gaps.map((gap) => gap.path)).toEqual(['clock.offsetUs'])
  })

  it('of an empty tree are gaps', () => {
    using tree = tempTree()
    const readings = collectReadings({ sysroot: tree.root, clock: systemClock, node: 'n1' })
    expect(readings).not.toHaveProperty('load')
    expect(readings.gaps.map((gap) => gap.path)).toEqual([
      'memory',
      'load',
      'uptimeSeconds',
      'clock.synchronized',
      'clock.offsetUs',
    ])
  })
})
