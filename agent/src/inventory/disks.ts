/** Section "disks": every physical disk, who it is, and what it is used for. */
import type { DiskFacts, DiskPartition, DiskPath, PhysicalDisk } from '@keelson/shared/model'
import type { DeviceContent, DeviceProbe } from './device-probe.ts'
import { diskNames, type RawDisk, readDisk } from './disk-attributes.ts'
import { type IdentifiedDisk, identifyDisks, LABEL_PREFIX } from './disk-identity.ts'
import { readHolders, readPartitions } from './disk-partitions.ts'
import { placeOf } from './disk-place.ts'
import { type UsageInput, type UsageVerdict, usageByContent, usageByHolders } from './disk-usage.ts'
import { type Mounts, readMounts } from './mounts.ts'
import { compact } from './parse.ts'
import type { SysReader } from './reader.ts'
import type { CollectContext } from './section.ts'

/** Disks examined side by side: enough to hide one's latency, few enough to leave threads. */
const LANES = 2

/** Reads the section; `probe` looks at disks that nothing is known to use. */
export async function collectDisks(
  context: CollectContext,
  probe: DeviceProbe,
): Promise<DiskFacts | undefined> {
  const { reader, gap, breathe } = context
  if (!reader.exists('/sys/block')) {
    gap('', reader.problem('/sys/block'))
    return undefined
  }
  const mounts = readMounts(reader)
  if (!mounts.known) gap('disks.mountPoint', reader.problem('/proc/self/mountinfo'))
  const found: { raw: RawDisk; partitions: readonly DiskPartition[] }[] = []
  for (const name of diskNames(reader)) {
    await breathe()
    const raw = readDisk(reader, name)
    if (raw === undefined) continue
    // A card reader or optical drive without a medium is there with size 0.
    if (raw.sizeBytes === 0 && raw.removable) continue
    found.push({ raw, partitions: readPartitions(reader, raw, mounts) })
  }
  const identified = identifyDisks(
    found.map(({ raw, partitions }) => ({
      raw,
      label: ownLabel(partitions),
      place: placeOf(reader, raw),
    })),
    gap,
  )
  const disks = new Array<PhysicalDisk>(identified.length)
  const lane = async (first: number) => {
    for (let index = first; index < identified.length; index += LANES) {
      const disk = identified[index]!
      const { raw } = disk.members[0]!
      const partitions = found.find((each) => each.raw === raw)?.partitions ?? []
      disks[index] = await describeDisk(context, probe, mounts, disk, raw, partitions)
      await breathe()
    }
  }
  await Promise.all(Array.from({ length: LANES }, (_, first) => lane(first)))
  return { disks }
}

/** Our label is the name of a GPT partition, which the kernel tells without a look at the disk. */
function ownLabel(partitions: readonly DiskPartition[]): string | undefined {
  const label = partitions.find((each) => each.label?.startsWith(LABEL_PREFIX))?.label
  return label?.slice(LABEL_PREFIX.length)
}

async function describeDisk(
  { reader, gap }: CollectContext,
  probe: DeviceProbe,
  mounts: Mounts,
  disk: IdentifiedDisk,
  raw: RawDisk,
  partitions: readonly DiskPartition[],
): Promise<PhysicalDisk> {
  const mount = mounts.byDevice.get(raw.kernelName)
  const holders = readHolders(reader, raw.kernelName, mounts)
  const input: UsageInput = {
    kernelName: raw.kernelName,
    holders,
    partitions,
    mountPoint: mount?.mountPoint,
    fileSystem: mount?.fileSystem,
    system: mounts.system,
    // NVMe joins the paths itself and shows one device, which is safe to use.
    multipath: disk.members.length > 1,
  }
  const where = `disks[${raw.kernelName}]`
  if (raw.sizeBytes === undefined) gap(`${where}.sizeBytes`, `${raw.sysPath}/size is not readable`)
  let verdict: UsageVerdict | undefined = usageByHolders(input)
  let content: DeviceContent | undefined
  if (verdict === undefined) {
    const result = await examine(reader, probe, raw, partitions)
    if ('problem' in result) gap(`${where}.usage`, result.problem)
    else {
      content = result.content
      verdict = usageByContent(raw.kernelName, partitions, content)
    }
  }
  return compact({
    uid: disk.uid,
    identity: disk.identity,
    kernelName: raw.kernelName,
    paths: diskPaths(disk),
    ...ownFacts(raw),
    serial: disk.serial,
    wwid: disk.wwid,
    partitions: partitions.map((each) => withContent(each, content)),
    holders,
    usage: verdict?.usage,
    signature: verdict?.signature ?? '',
    mountPoint: mount?.mountPoint,
  })
}

/** What the disk says of itself and is fact as it stands. */
function ownFacts(raw: RawDisk) {
  return compact({
    links: raw.udev.links,
    vendor: raw.vendor,
    model: raw.model,
    firmware: raw.firmware,
    transport: raw.transport,
    sizeBytes: raw.sizeBytes,
    logicalBlockBytes: raw.logicalBlockBytes,
    physicalBlockBytes: raw.physicalBlockBytes,
    optimalIoBytes: raw.optimalIoBytes,
    rotational: raw.rotational,
    rpm: raw.rpm,
    discard: raw.discard,
    volatileWriteCache: raw.volatileWriteCache,
    zoning: raw.zoning,
    removable: raw.removable,
    readOnly: raw.readOnly,
    numaNode: raw.numaNode,
    bay: raw.bay,
    raid: raw.raid,
    namespaceId: raw.namespaceId,
  })
}

function diskPaths({ members }: IdentifiedDisk): readonly DiskPath[] {
  return members.flatMap(({ raw }) =>
    raw.controllers.length > 1
      ? raw.controllers.map(({ name, pciAddress, state }) =>
          compact({ kernelName: name, pciAddress, state }),
        )
      : [
          compact({
            kernelName: raw.kernelName,
            deviceNumber: raw.deviceNumber,
            pciAddress: raw.pciAddress,
            scsiAddress: raw.scsiAddress,
            state: raw.state,
          }),
        ],
  )
}

async function examine(
  reader: SysReader,
  probe: DeviceProbe,
  raw: RawDisk,
  partitions: readonly DiskPartition[],
) {
  const { kernelName, deviceNumber, sizeBytes } = raw
  if (deviceNumber === undefined || sizeBytes === undefined)
    return { problem: 'its device number or size is not known' }
  if (sizeBytes === 0) return { problem: 'its size is 0' }
  return probe.examine({
    kernelName,
    deviceNumber,
    sizeBytes,
    generation: generationOf(reader, raw, partitions),
    partitions: partitions.flatMap(({ number, startBytes, sizeBytes: size }) =>
      startBytes === undefined || size === undefined
        ? []
        : [{ number, startBytes, sizeBytes: size }],
    ),
  })
}

/** Changes when the disk was replaced, resized, repartitioned or written to. */
function generationOf(
  reader: SysReader,
  { kernelName, deviceNumber, sizeBytes, controllers }: RawDisk,
  partitions: readonly DiskPartition[],
): string {
  const block = `/sys/block/${kernelName}`
  // A namespace with multipath counts its writes on the hidden device of each path.
  const namespace = /n\d+$/.exec(kernelName)?.[0] ?? ''
  const devices =
    controllers.length === 0
      ? [kernelName]
      : reader
          .names('/sys/block')
          .filter((name) => name === kernelName || hiddenPath(kernelName, namespace).test(name))
  const writes = devices.map((name) => {
    const counters = (reader.text(`/sys/block/${name}/stat`) ?? '').split(/\s+/)
    return `${counters[4]}/${counters[11]}`
  })
  const table = partitions.map((each) => `${each.number}@${each.startBytes}+${each.sizeBytes}`)
  const sequence = reader.text(`${block}/diskseq`)
  return [deviceNumber, sequence, sizeBytes, ...writes, ...table].join(' ')
}

function hiddenPath(kernelName: string, namespace: string): RegExp {
  return new RegExp(`^${kernelName.slice(0, -namespace.length)}c\\d+${namespace}$`)
}

/** What a look at the disk told of a partition, where kernel and udev did not. */
function withContent(partition: DiskPartition, content: DeviceContent | undefined): DiskPartition {
  const found = content?.partitions.get(partition.number)
  if (found === undefined) return partition
  return compact({
    ...partition,
    type: partition.type ?? found.type,
    uuid: partition.uuid ?? found.uuid,
    label: partition.label ?? found.label,
    content: partition.content ?? found.signatures[0],
  })
}
