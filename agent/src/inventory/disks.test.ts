import type { PhysicalDisk } from '@keelson/shared/model'
import { systemClock } from '@keelson/shared/runtime'
import { describe, expect, it } from 'vitest'
import { createDeviceProbe } from './device-probe.ts'
import { collectDisks } from './disks.ts'
import { createSysReader, type SysReader } from './reader.ts'
import { fixture, readSection, type TempTree, tempTree } from './test-trees.ts'

async function disksOf(root: string) {
  const { facts, gaps, section } = await readSection(root, 'disks')
  const disk = (name: string) => {
    const found = facts.disks.find((each) => each.kernelName === name)
    if (found === undefined) throw new Error(`no disk ${name}`)
    return found
  }
  const reasons = Object.fromEntries(gaps.map(({ path, reason }) => [path, reason]))
  return { disk, disks: facts.disks, reasons, section }
}

describe('the disks of a two-socket server', () => {
  it('are the physical ones, without what is made of them', async () => {
    const { disks } = await disksOf(fixture('r660-2s'))
    expect(disks.map((each) => each.kernelName)).toEqual([
      'nvme0n1',
      'nvme1n1',
      'sda',
      'sdb',
      'sdc',
    ])
  })

  it('NVMe: identity, place, sectors, volume group', async () => {
    const { disk } = await disksOf(fixture('r660-2s'))
    expect(disk('nvme0n1')).toEqual({
      uid: 'serial:KIOXIA_KCD8XRUG3T84:7350A0QDT0A1:ns1',
      identity: 'SERIAL',
      kernelName: 'nvme0n1',
      paths: [
        {
          kernelName: 'nvme0n1',
          deviceNumber: '259:0',
          pciAddress: '0000:16:00.0',
          state: 'live',
        },
      ],
      links: [],
      model: 'KIOXIA KCD8XRUG3T84',
      serial: '7350A0QDT0A1',
      wwid: 'eui.00000000000000108ce38ee200a1b201',
      firmware: '0105',
      transport: 'NVME',
      sizeBytes: 3_840_755_982_336,
      logicalBlockBytes: 4096,
      physicalBlockBytes: 4096,
      rotational: false,
      discard: true,
      volatileWriteCache: false,
      zoning: 'NONE',
      removable: false,
      readOnly: false,
      numaNode: 0,
      namespaceId: 1,
      partitions: [],
      holders: [{ kind: 'LVM', name: 'keel-nvme' }],
      usage: 'LVM_PV',
      signature: 'volume group keel-nvme',
    })
  })

  it('SATA: full model and firmware from the disk itself, the system on its partitions', async () => {
    const { disk } = await disksOf(fixture('r660-2s'))
    const sda = disk('sda')
    expect(sda).toMatchObject({
      uid: 'serial:MTFDDAK480TDS-1A:22413B6A11C1',
      model: 'MTFDDAK480TDS-1AW1ZA',
      firmware: 'D3DJ004Q',
      transport: 'SATA',
      rotational: false,
      links: [
        '/dev/disk/by-id/ata-MTFDDAK480TDS-1AW1ZA_22413B6A11C1',
        '/dev/disk/by-path/pci-0000:00:17.0-ata-1',
      ],
      usage: 'OS',
      signature: '/ on sda2',
    })
    expect(sda).not.toHaveProperty('rpm')
    expect(sda).not.toHaveProperty('vendor')
    expect(sda.partitions).toMatchObject([
      {
        number: 1,
        kernelName: 'sda1',
        startBytes: 1_048_576,
        type: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
        label: 'EFI System Partition',
        content: 'vfat',
        mountPoint: '/boot/efi',
      },
      { number: 2, content: 'ext4', mountPoint: '/' },
    ])
  })

  it('SAS: rotation, bay, software RAID above it', async () => {
    const { disk } = await disksOf(fixture('r660-2s'))
    expect(disk('sdb')).toMatchObject({
      transport: 'SAS',
      vendor: 'SEAGATE',
      serial: 'WFK0A1B2',
      rotational: true,
      rpm: 10_500,
      discard: false,
      bay: { enclosure: '6:0:12:0', slot: 'Slot 03' },
      holders: [{ kind: 'MD', name: 'md127' }],
      usage: 'MD',
    })
  })

  it('a volume of a RAID controller is told from a disk', async () => {
    const { disk } = await disksOf(fixture('r660-2s'))
    expect(disk('sdc')).toMatchObject({ transport: 'RAID', raid: { driver: 'megaraid_sas' } })
  })

  it('unreadable content is a gap, never FREE', async () => {
    const { disk, reasons, section } = await disksOf(fixture('r660-2s'))
    expect(disk('nvme1n1')).not.toHaveProperty('usage')
    expect(reasons).toMatchObject({ 'disks[nvme1n1].usage': '/dev/nvme1n1 does not exist' })
    expect(section.meta.status).toBe('PARTIAL')
  })
})

const SIZE = 3_840_755_982_336
const EXT4 = Buffer.from('53ef', 'hex')

describe('the usage of a disk nothing holds', () => {
  it.each<[string, readonly (readonly [number, Buffer])[], Partial<PhysicalDisk>]>([
    ['zeros', [], { usage: 'FREE', signature: '' }],
    [
      'one byte near the end',
      [[SIZE - 5, Buffer.from('x')]],
      { usage: 'FOREIGN', signature: 'unidentified data' },
    ],
    ['LVM', [[512, Buffer.from('LABELONE')]], { usage: 'LVM_PV', signature: 'LVM2_member' }],
    [
      'DRBD over ext4',
      [
        [1024 + 56, EXT4],
        [Math.floor(SIZE / 4096) * 4096 - 4096 + 60, Buffer.from('8374026d', 'hex')],
      ],
      { usage: 'DRBD_META', signature: 'drbd' },
    ],
    ['a file system', [[1024 + 56, EXT4]], { usage: 'FOREIGN', signature: 'ext2' }],
    ['Ceph', [[0, Buffer.from('bluestore block device')]], { usage: 'CEPH' }],
    [
      'an empty partition table',
      [[4096, Buffer.concat([Buffer.from('EFI PART'), Buffer.alloc(84)])]],
      { usage: 'FOREIGN', signature: 'gpt table with 0 partitions' },
    ],
  ])('%s', async (_, pieces, verdict) => {
    using tree = tempTree('r660-2s')
    tree.device('nvme1n1', SIZE, pieces)
    const { disk } = await disksOf(tree.root)
    expect(disk('nvme1n1')).toMatchObject(verdict)
  })

  it('counts what is on its partitions', async () => {
    using tree = tempTree('doubtful-ids')
    tree.device('sdi', 6_001_175_126_016, [[1_048_576 + 512, Buffer.from('LABELONE')]])
    const { disk } = await disksOf(tree.root)
    expect(disk('sdi')).toMatchObject({
      usage: 'LVM_PV',
      signature: 'LVM2_member on sdi1',
      partitions: [{ content: 'LVM2_member' }],
    })
  })
})

describe('mounts and swap', () => {
  const mountinfo = (tree: TempTree, ...lines: string[]) =>
    tree.write('/proc/1/mountinfo', lines.join('\n'))

  it('a system on LVM makes the disk below an OS disk', async () => {
    using tree = tempTree('r660-2s')
    mountinfo(tree, '22 1 253:0 / / rw - xfs /dev/mapper/keel--nvme-root rw')
    const { disk } = await disksOf(tree.root)
    expect(disk('nvme0n1')).toMatchObject({ usage: 'OS', signature: '/' })
    expect(disk('sda').usage).not.toBe('OS')
  })

  it('btrfs is found by its source, for its mounts have numbers of their own', async () => {
    using tree = tempTree('r660-2s')
    mountinfo(tree, '22 1 0:30 /@ / rw - btrfs /dev/sda2 rw')
    const { disk } = await disksOf(tree.root)
    expect(disk('sda')).toMatchObject({ usage: 'OS', signature: '/ on sda2' })
  })

  it('a data mount is foreign, not free and not the system', async () => {
    using tree = tempTree('r660-2s')
    mountinfo(tree, '22 1 259:1 / /srv rw - xfs /dev/nvme1n1 rw')
    tree.device('nvme1n1', SIZE)
    const { disk } = await disksOf(tree.root)
    expect(disk('nvme1n1')).toMatchObject({
      usage: 'FOREIGN',
      signature: 'xfs at /srv',
      mountPoint: '/srv',
    })
  })

  it('swap belongs to the system', async () => {
    using tree = tempTree('r660-2s')
    mountinfo(tree)
    tree.write('/proc/swaps', 'Filename Type Size Used Priority\n/dev/nvme1n1 partition 8 0 -2\n')
    const { disk } = await disksOf(tree.root)
    expect(disk('nvme1n1')).toMatchObject({ usage: 'OS', signature: 'swap' })
  })
})

describe('identity', () => {
  it('our label goes first, doubtful ids give way to the next source', async () => {
    const { disks, reasons } = await disksOf(fixture('doubtful-ids'))
    expect(disks.map((each) => [each.kernelName, each.uid])).toEqual([
      ['sda', 'serial:HGST_HUS726T6TAL:V8G0AAA1'],
      ['sdb', 'serial:HGST_HUS726T6TAL:V8G0AAA2'],
      ['sdc', 'serial:HGST_HUS726T6TAL:V8G0AAA3'],
      ['sdd', 'wwid:naa.5000cca0dddddddd'],
      ['sde', 'path:pci-0000:00:17.0/ata5/0:0:0'],
      ['sdf', 'path:pci-0000:00:17.0/ata6/0:0:0'],
      ['sdg', 'wwid:naa.5000cca011111111'],
      ['sdh', 'wwid:naa.5000cca022222222'],
      ['sdi', 'label:01j9z6d3kq'],
    ])
    expect(reasons).toMatchObject({
      'disks[sda].wwid': '"naa.0000000000000000" is no world-wide id',
      'disks[sdb].wwid': '"naa.5000cca0bbbbbbbb" is also on sdc',
      'disks[sdc].wwid': '"naa.5000cca0bbbbbbbb" is also on sdb',
      'disks[sdd].serial': '"0123456789" is no serial number',
      'disks[sdg].serial': '"SAME1" is also on sdh',
    })
  })

  it('refused ids are absent from the facts', async () => {
    const { disk } = await disksOf(fixture('doubtful-ids'))
    expect(disk('sda')).not.toHaveProperty('wwid')
    expect(disk('sdg')).not.toHaveProperty('serial')
  })

  it('two paths are one disk, and only its multipath device may be used', async () => {
    const { disk, disks } = await disksOf(fixture('multipath'))
    expect(disks).toHaveLength(3)
    expect(disk('sdb')).toMatchObject({
      transport: 'FC',
      usage: 'MULTIPATH',
      signature: 'multipath device mpatha',
      paths: [
        {
          kernelName: 'sdb',
          scsiAddress: '11:0:0:0',
          pciAddress: '0000:3b:00.0',
          state: 'running',
        },
        {
          kernelName: 'sdd',
          scsiAddress: '12:0:0:0',
          pciAddress: '0000:af:00.0',
          state: 'offline',
        },
      ],
    })
    expect(disk('sdc')).toMatchObject({
      usage: 'MULTIPATH',
      signature: 'several paths, no multipath device',
    })
  })

  it('NVMe joins its paths itself', async () => {
    const { disk } = await disksOf(fixture('multipath'))
    expect(disk('nvme0n1')).toMatchObject({
      model: 'SAMSUNG MZWLR7T6HBLA-00A07',
      paths: [
        { kernelName: 'nvme0', pciAddress: '0000:5e:00.0', state: 'live' },
        { kernelName: 'nvme1', pciAddress: '0000:d8:00.0', state: 'live' },
      ],
    })
  })
})

/** Counts what a pass reads, names in listings excepted. */
function counting(reader: SysReader) {
  let reads = 0
  const count =
    <A extends unknown[], R>(read: (...args: A) => R) =>
    (...args: A): R => {
      reads++
      return read(...args)
    }
  const counted: SysReader = {
    ...reader,
    text: count(reader.text),
    bytes: count(reader.bytes),
    names: count(reader.names),
    linkName: count(reader.linkName),
    realPath: count(reader.realPath),
    exists: count(reader.exists),
  }
  return { counted, reads: () => reads }
}

async function countReads(root: string): Promise<{ reads: number; disks: number }> {
  const { counted, reads } = counting(createSysReader(root))
  const hostPath = counted.hostPath
  const probe = createDeviceProbe({ clock: systemClock, hostPath, requireBlockDevice: false })
  const context = { reader: counted, gap: () => undefined, breathe: async () => undefined }
  const facts = await collectDisks(context, probe)
  return { reads: reads(), disks: facts?.disks.length ?? 0 }
}

it('600 DRBD minors and 1200 logical volumes neither hide disks nor cost reads', async () => {
  using tree = tempTree('r660-2s')
  const before = await countReads(tree.root)
  for (let minor = 0; minor < 600; minor++) {
    tree.write(`/sys/devices/virtual/block/drbd${2000 + minor}/size`, '2048')
    tree.link(`/sys/block/drbd${2000 + minor}`, `../devices/virtual/block/drbd${2000 + minor}`)
  }
  const disk = 'sys/devices/pci0000:15/0000:15:01.0/0000:16:00.0/nvme/nvme0/nvme0n1'
  for (let minor = 100; minor < 1300; minor++) {
    const device = `/sys/devices/virtual/block/dm-${minor}`
    tree.write(`${device}/dm/uuid`, 'LVM-abc')
    tree.write(`${device}/dm/name`, `keel--nvme-lv${minor}`)
    tree.link(`/sys/block/dm-${minor}`, `../devices/virtual/block/dm-${minor}`)
    tree.link(`/sys/class/block/dm-${minor}`, `../../devices/virtual/block/dm-${minor}`)
    tree.link(`/${disk}/holders/dm-${minor}`, '../../../../../../../virtual/block/dm-0')
  }
  const after = await countReads(tree.root)
  expect(after.disks).toBe(before.disks)
  // A volume group's volumes are looked at up to a limit; they all say the same.
  expect(after.reads - before.reads).toBeLessThan(50)
})
