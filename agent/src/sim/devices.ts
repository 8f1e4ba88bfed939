/** Invented devices: disks, network links, PCI. */
import type { DiskFacts, NicFacts, PciFacts, PhysicalDisk } from '@keelson/shared/model'
import type { Rng } from '@keelson/shared/runtime'
import type { Shape } from './shapes.ts'

/** 0, 1, … up to `count` numbers. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

/** A serial number as makers print them. */
export function serial(rng: Rng, length = 7): string {
  return rng.uuid().replaceAll('-', '').slice(0, length).toUpperCase()
}

/** A boot disk and free data disks. */
export function inventDisks({ disks }: Shape, rng: Rng): DiskFacts {
  const system = inventDisk('sda', 'SATA', 'MTFDDAV480TDS', 480_103_981_056, 'D3MU001', rng)
  const data = range(disks.count).map((index) => {
    const name = disks.transport === 'NVME' ? `nvme${index}n1` : `sd${'bcdefghijkl'[index]}`
    return inventDisk(name, disks.transport, disks.model, disks.sizeBytes, disks.firmware, rng)
  })
  const boot: PhysicalDisk = { ...system, usage: 'OS', signature: 'gpt', mountPoint: '/' }
  return { disks: [...data, boot].sort((a, b) => (a.kernelName < b.kernelName ? -1 : 1)) }
}

function inventDisk(
  kernelName: string,
  transport: PhysicalDisk['transport'] & string,
  model: string,
  sizeBytes: number,
  firmware: string,
  rng: Rng,
): PhysicalDisk {
  const own = serial(rng, 12)
  return {
    uid: `${model.replaceAll(' ', '_')}_${own}`,
    identity: 'SERIAL',
    kernelName,
    paths: [{ kernelName }],
    links: [],
    model,
    serial: own,
    wwid: `eui.${rng.hex(8)}`,
    firmware,
    transport: transport as NonNullable<PhysicalDisk['transport']>,
    sizeBytes,
    logicalBlockBytes: 512,
    physicalBlockBytes: 4096,
    rotational: false,
    discard: true,
    volatileWriteCache: false,
    zoning: 'NONE',
    removable: false,
    readOnly: false,
    partitions: [],
    holders: [],
    usage: 'FREE',
    signature: '',
  }
}

/** The ports; two of them have a cable. */
export function inventNics({ nics }: Shape, rng: Rng): NicFacts {
  const { driver, firmware, vendorId, deviceId, speedMbps } = nics
  return {
    links: range(nics.count).map((port) => {
      const mac = `02:${rng.hex(5).match(/../g)!.join(':')}`
      return {
        name: `eno${port + 1}`,
        kind: 'PHYSICAL',
        mac,
        permanentMac: mac,
        mtu: speedMbps > 1_000 ? 9_000 : 1_500,
        adminUp: true,
        carrier: port < 2,
        operstate: port < 2 ? 'up' : 'down',
        ...(port < 2 && { speedMbps, duplex: 'FULL' as const }),
        pciAddress: `0000:31:00.${port}`,
        numaNode: 0,
        driver,
        firmware,
        vendorId,
        deviceId,
      }
    }),
  }
}

/** The adapters behind the ports. */
export function inventPci({ nics }: Shape): PciFacts {
  return {
    devices: range(nics.count).map((port) => ({
      address: `0000:31:00.${port}`,
      class: '0x020000',
      vendorId: nics.vendorId,
      deviceId: nics.deviceId,
      driver: nics.driver,
      iommuGroup: 40 + port,
      numaNode: 0,
    })),
    iommu: true,
    gpus: [],
  }
}
