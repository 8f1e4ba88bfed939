import { describe, expect, it } from 'vitest'
import * as pb from '../gen/keelson/v1/hardware.ts'
import type {
  HardwareInventory,
  HardwareReadings,
  HardwareSection,
  SectionMeta,
  SectionName,
} from '../model/hardware.ts'
import { SECTION_NAMES } from '../model/hardware.ts'
import {
  hardwareInventoryCodec,
  hardwareInventoryToJson,
  hardwareReadingsCodec,
  hardwareSectionCodec,
} from './hardware.ts'

/** Every key present, so that a field forgotten below does not compile. */
type Full<T> = T extends readonly (infer E)[]
  ? readonly Full<E>[]
  : T extends object
    ? { readonly [K in keyof T]-?: Full<Exclude<T[K], undefined>> }
    : T

const meta = (name: SectionName): Full<SectionMeta> => ({
  name,
  sha256: 'ab'.repeat(32),
  collectMs: 12,
  status: 'PARTIAL',
  gaps: [{ path: 'bios.version', reason: 'no permission' }],
  collectedAt: 1_790_000_000_123,
})

const holder = { kind: 'LVM', name: 'vg0' } as const
const pages = [{ pageBytes: 2 ** 21, total: 512 }]

const FULL: readonly Full<HardwareSection>[] = [
  {
    name: 'system',
    meta: meta('system'),
    facts: {
      vendor: 'Dell Inc.',
      product: 'PowerEdge R660',
      version: '1',
      sku: 'SKU=0A6B',
      family: 'PowerEdge',
      serial: '7XK2M04',
      uuid: '4c4c4544-0058-4b10-8032-b7c04f4d3034',
      bios: { vendor: 'Dell Inc.', version: '2.3.5', date: '2024-09-11' },
      board: { vendor: 'Dell Inc.', name: '0M4W3W', version: 'A01', serial: 'x', assetTag: 'a' },
      chassis: { vendor: 'Dell Inc.', type: 'Blade', serial: '7', assetTag: 'DC1-A12-U22' },
      bootMode: 'UEFI',
      secureBoot: false,
      tpmVersion: '',
      lockdown: 'none',
      hypervisor: '',
    },
  },
  {
    name: 'cpu',
    meta: meta('cpu'),
    facts: {
      architecture: 'x86_64',
      sockets: 2,
      cores: 64,
      threads: 128,
      packages: [
        {
          id: 0,
          vendor: 'GenuineIntel',
          modelName: 'Gold 6430',
          family: 6,
          model: 143,
          stepping: 8,
          microcode: '0x2b000603',
          cores: 32,
          threads: 64,
          baseKhz: 2_100_000,
          maxKhz: 3_400_000,
        },
      ],
      cpus: [
        {
          id: 0,
          online: true,
          package: 0,
          die: 0,
          core: 0,
          numaNode: 0,
          isolated: false,
          tickless: true,
          governor: 'performance',
        },
      ],
      caches: [{ level: 1, kind: 'DATA', sizeBytes: 49_152, sharedCpus: '0,64' }],
      flags: ['aes', 'vmx'],
      vulnerabilities: { meltdown: 'Not affected' },
      smt: 'on',
      physicalAddressBits: 46,
      virtualAddressBits: 57,
    },
  },
  {
    name: 'numa',
    meta: meta('numa'),
    facts: {
      nodes: [{ id: 0, cpus: '0-63', memoryBytes: 2 ** 38, distances: [10, 21], hugePages: pages }],
    },
  },
  {
    name: 'memory',
    meta: meta('memory'),
    facts: {
      totalBytes: 2 ** 39 - 4096,
      installedBytes: 2 ** 39,
      slots: 32,
      errorCorrection: 'Multi-bit ECC',
      dimms: [
        {
          locator: 'A1',
          bank: 'Bank 0',
          sizeBytes: 2 ** 36,
          type: 'DDR5',
          formFactor: 'DIMM',
          ecc: true,
          speedMts: 4800,
          configuredMts: 4400,
          manufacturer: '00AD',
          partNumber: 'HMCG94',
          serial: '80AD0122',
          rank: 2,
        },
      ],
      emptySlots: ['A2'],
      hugePages: pages,
    },
  },
  {
    name: 'disks',
    meta: meta('disks'),
    facts: {
      disks: [
        {
          uid: 'serial:X:1',
          identity: 'SERIAL',
          kernelName: 'sda',
          paths: [
            {
              kernelName: 'sda',
              deviceNumber: '8:0',
              pciAddress: '0000:00:17.0',
              scsiAddress: '0:0:0:0',
              state: 'running',
            },
          ],
          links: ['/dev/disk/by-id/ata-X_1'],
          vendor: 'SEAGATE',
          model: 'X',
          serial: '1',
          wwid: 'naa.5000c500c1234567',
          firmware: 'SN05',
          transport: 'SATA',
          sizeBytes: 22_000_000_000_000,
          logicalBlockBytes: 512,
          physicalBlockBytes: 4096,
          optimalIoBytes: 4096,
          rotational: true,
          rpm: 7200,
          discard: false,
          volatileWriteCache: true,
          zoning: 'NONE',
          removable: false,
          readOnly: false,
          numaNode: 0,
          bay: { enclosure: '6:0:12:0', slot: 'Slot 03' },
          raid: { driver: 'megaraid_sas', level: 'RAID 1' },
          namespaceId: 1,
          partitions: [
            {
              number: 1,
              kernelName: 'sda1',
              startBytes: 1_048_576,
              sizeBytes: 2 ** 30,
              type: '0x83',
              uuid: 'u',
              label: 'root',
              content: 'ext4',
              mountPoint: '/',
              holders: [holder],
            },
          ],
          holders: [holder],
          usage: 'OS',
          signature: '/ on sda1',
          mountPoint: '/',
        },
      ],
    },
  },
  {
    name: 'nics',
    meta: meta('nics'),
    facts: {
      links: [
        {
          name: 'bond0',
          kind: 'BOND',
          mac: 'b8:ce:f6:bb:00:10',
          permanentMac: 'b8:ce:f6:bb:00:10',
          mtu: 9000,
          adminUp: true,
          carrier: true,
          operstate: 'up',
          speedMbps: 50_000,
          duplex: 'FULL',
          pciAddress: '0000:9a:00.0',
          numaNode: 1,
          driver: 'mlx5_core',
          driverVersion: '6.1',
          firmware: '',
          vendorId: '0x15b3',
          deviceId: '0x101f',
          portName: 'p0',
          master: 'ovs-system',
          bond: {
            mode: '802.3ad',
            slaves: ['a', 'b'],
            activeSlave: 'a',
            partnerMac: '00:1c:73:aa:bb:cc',
            lacpRate: 'fast',
            transmitHashPolicy: 'layer3+4',
            minLinks: 1,
          },
          bridge: { ports: ['a'], spanningTree: false, vlanFiltering: true },
          vlan: { id: 100, parent: 'bond0' },
          ovs: { bridge: 'br-data', port: 'bond0', tag: 7 },
          sriov: { totalFunctions: 8, enabledFunctions: 0 },
          physicalFunction: '0000:9a:00.0',
        },
      ],
    },
  },
  {
    name: 'pci',
    meta: meta('pci'),
    facts: {
      devices: [
        {
          address: '0000:16:00.0',
          class: '0x010802',
          vendorId: '0x1e0f',
          deviceId: '0x0013',
          subsystemVendorId: '0x1028',
          subsystemDeviceId: '0x0001',
          revision: '0x01',
          driver: 'nvme',
          iommuGroup: 0,
          numaNode: 0,
          slot: '21',
          linkGts: 2.5,
          linkWidth: 4,
          maxLinkGts: 16,
          maxLinkWidth: 4,
          sriovTotalFunctions: 0,
          sriovEnabledFunctions: 0,
          physicalFunction: '0000:16:00.0',
        },
      ],
      iommu: true,
      gpus: [
        {
          pciAddress: '0000:17:00.0',
          vendor: 'NVIDIA',
          model: 'A100',
          memoryBytes: 40 * 2 ** 30,
          driverVersion: '550.54',
        },
      ],
    },
  },
  {
    name: 'os',
    meta: meta('os'),
    facts: {
      hostname: 'n1',
      distribution: 'debian',
      distributionVersion: '12',
      prettyName: 'Debian GNU/Linux 12 (bookworm)',
      kernelRelease: '6.1.0-25-amd64',
      commandLine: 'ro quiet',
      bootId: 'b',
      machineId: 'm',
      taints: ['OUT_OF_TREE_MODULE'],
      modules: [{ name: 'drbd', state: 'LOADED', version: '9.2.11' }],
      kvmDevice: true,
      kvmNested: false,
      clock: { source: 'tsc', service: 'chrony', synchronized: true },
      watchdogs: ['iTCO_wdt'],
    },
  },
]

const INVENTORY: HardwareInventory = { node: 'n1', collectedAt: 1_790_000_000_123, sections: FULL }

function overTheWire(inventory: HardwareInventory): HardwareInventory {
  const raw = pb.HardwareInventory.encode(hardwareInventoryCodec.write(inventory)).finish()
  return hardwareInventoryCodec.read(pb.HardwareInventory.decode(raw), 'inventory')
}

function section(name: SectionName): HardwareSection {
  return FULL.find((each) => each.name === name) as HardwareSection
}

describe('the hardware codec', () => {
  it('keeps every field of every section', () => {
    expect(FULL.map((each) => each.name)).toEqual(SECTION_NAMES)
    expect(overTheWire(INVENTORY)).toEqual(INVENTORY)
  })

  it.each<[string, HardwareSection]>([
    ['nothing readable', { name: 'cpu', meta: { ...meta('cpu'), status: 'UNAVAILABLE' } }],
    ['no keys at all', { name: 'system', meta: meta('system'), facts: {} }],
    [
      'only what is required',
      {
        name: 'disks',
        meta: meta('disks'),
        facts: {
          disks: [
            {
              uid: 'path:x',
              identity: 'PATH',
              kernelName: 'sda',
              paths: [],
              links: [],
              partitions: [],
              holders: [],
              signature: '',
            },
          ],
        },
      },
    ],
  ])('keeps absent keys absent: %s', (_, value) => {
    const inventory = { ...INVENTORY, sections: [value] }
    expect(overTheWire(inventory)).toStrictEqual(inventory)
  })

  it('leaves out a section from a newer version and keeps the others', () => {
    const message = hardwareInventoryCodec.write(INVENTORY)
    const newer: pb.HardwareSection = {
      meta: { ...message.sections[0]!.meta!, name: 'bmc' },
      facts: undefined,
    }
    const read = hardwareInventoryCodec.read(
      { ...message, sections: [newer, ...message.sections] },
      'inventory',
    )
    expect(read.sections.map((each) => each.name)).toEqual(SECTION_NAMES)
  })

  it('refuses a section that carries the facts of another', () => {
    const cpu = hardwareSectionCodec.write(section('cpu'))
    const numa = hardwareSectionCodec.write(section('numa'))
    expect(() => hardwareSectionCodec.read({ ...cpu, facts: numa.facts }, 's')).toThrow(
      's: section cpu has the facts of numa',
    )
  })

  it('refuses a size that a number cannot hold, naming its place', () => {
    const memory = hardwareSectionCodec.write(section('memory'))
    if (memory.facts?.$case !== 'memory') throw new Error('not memory')
    memory.facts.value.totalBytes = 2n ** 60n
    expect(() => hardwareSectionCodec.read(memory, 's')).toThrow('s.memory.totalBytes')
  })

  it('writes proto3 JSON with names of enums and texts for 64-bit numbers', () => {
    const json = hardwareInventoryToJson(INVENTORY) as {
      sections: { meta: object; disks?: { disks: object[] } }[]
    }
    expect(json.sections[4]?.disks?.disks[0]).toMatchObject({
      usage: 'DISK_USAGE_OS',
      sizeBytes: '22000000000000',
      readOnly: false,
    })
    expect(json.sections[0]?.meta).toMatchObject({ status: 'SECTION_STATUS_PARTIAL' })
  })
})

const READINGS: Full<HardwareReadings> = {
  node: 'n1',
  collectedAt: 1_790_000_000_123,
  memory: {
    totalBytes: 2 ** 39,
    freeBytes: 0,
    availableBytes: 2 ** 30,
    swapTotalBytes: 0,
    swapFreeBytes: 0,
  },
  load: { oneMinute: 0.52, fiveMinutes: 0.58, fifteenMinutes: 0.59 },
  uptimeSeconds: 86_461.12,
  clock: { synchronized: true, offsetUs: -12.5, lastSyncAt: 1_790_000_000_000 },
  numa: [{ id: 0, freeBytes: 0, hugePages: [{ pageBytes: 2 ** 21, free: 0 }] }],
  links: [{ name: 'eth0', carrierChanges: 2 }],
  gaps: [{ path: 'clock.offsetUs', reason: 'a system call only' }],
}

describe('the readings codec', () => {
  it.each<[string, HardwareReadings]>([
    ['full', READINGS],
    ['empty', { node: 'n1', collectedAt: 5, numa: [], links: [], gaps: [] }],
  ])('keeps every field: %s', (_, readings) => {
    const raw = pb.HardwareReadings.encode(hardwareReadingsCodec.write(readings)).finish()
    expect(hardwareReadingsCodec.read(pb.HardwareReadings.decode(raw), 'r')).toStrictEqual(readings)
  })
})
