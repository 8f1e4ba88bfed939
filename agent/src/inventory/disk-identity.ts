/**
 * Which disk is which. Kernel names change from boot to boot, so a disk is known by our label on
 * it, else by serial number with model, else by its world-wide id, else by where it is plugged in.
 * Ids that are all zeros or on several disks at once (real firmware has both) are refused with a
 * gap and the next source is used. Pure.
 */
import type { DiskIdentity } from '@keelson/shared/model'
import type { RawDisk } from './disk-attributes.ts'
import { byName } from './parse.ts'
import { isPlaceholder } from './placeholder.ts'

/** A disk with the label read from its partitions, ready to be identified. */
export interface Candidate {
  readonly raw: RawDisk
  /** Our own label, without its prefix. */
  readonly label: string | undefined
  /** The place it is plugged in. */
  readonly place: string
}

/** One disk with all the paths to it. */
export interface IdentifiedDisk {
  readonly uid: string
  readonly identity: DiskIdentity
  /** Ids that hold; a refused one is absent. */
  readonly serial: string | undefined
  readonly wwid: string | undefined
  /** In order of kernel name; at least one. */
  readonly members: readonly Candidate[]
}

/** GPT names of partitions that carry our label begin like this. */
export const LABEL_PREFIX = 'keelson-'

interface Known {
  readonly members: readonly Candidate[]
  readonly label: string | undefined
  readonly serial: string | undefined
  readonly wwid: string | undefined
}

/** Identifies all disks of a host; `gap` gets the reason of every refused id. */
export function identifyDisks(
  candidates: readonly Candidate[],
  gap: (path: string, reason: string) => void,
): readonly IdentifiedDisk[] {
  const sound = candidates.map((candidate) => soundIds(candidate, gap))
  const disks = refuseDuplicates(joinPaths(sound), gap)
  return disks
    .map((disk) => ({ ...bestId(disk), ...disk }))
    .sort((a, b) => byName(nameOf(a), nameOf(b)))
}

function nameOf({ members }: { readonly members: readonly Candidate[] }): string {
  return members[0]?.raw.kernelName ?? ''
}

function soundIds(candidate: Candidate, gap: (path: string, reason: string) => void): Known {
  const { raw, label } = candidate
  const where = `disks[${raw.kernelName}]`
  let { serial, wwid } = raw
  if (serial !== undefined && isPlaceholder(serial)) {
    gap(`${where}.serial`, `"${serial}" is no serial number`)
    serial = undefined
  }
  if (wwid !== undefined && isPlaceholder(wwid.replace(/^(naa|eui|uuid|t10)\./, ''))) {
    gap(`${where}.wwid`, `"${wwid}" is no world-wide id`)
    wwid = undefined
  }
  return { members: [candidate], label, serial, wwid }
}

/** Devices with the same world-wide id, serial number and size are paths to one disk. */
function joinPaths(disks: readonly Known[]): readonly Known[] {
  const groups = new Map<string, Known>()
  for (const disk of disks) {
    const { kernelName, sizeBytes, namespaceId } = disk.members[0]!.raw
    const key =
      disk.wwid === undefined
        ? kernelName
        : JSON.stringify([disk.wwid, disk.serial, sizeBytes, namespaceId])
    const before = groups.get(key)
    const members = [...(before?.members ?? []), ...disk.members]
    members.sort((a, b) => byName(a.raw.kernelName, b.raw.kernelName))
    groups.set(key, { ...disk, members, label: before?.label ?? disk.label })
  }
  return [...groups.values()]
}

type IdName = 'label' | 'serial' | 'wwid'

function refuseDuplicates(
  disks: readonly Known[],
  gap: (path: string, reason: string) => void,
): readonly Known[] {
  const ids: Record<IdName, (disk: Known) => string | undefined> = {
    label: (disk) => disk.label,
    serial: serialId,
    wwid: (disk) => disk.wwid,
  }
  return disks.map((disk) => {
    const kept = { ...disk }
    for (const name of Object.keys(ids) as IdName[]) {
      const id = ids[name](disk)
      const others = disks.filter((other) => other !== disk && ids[name](other) === id)
      if (id === undefined || others.length === 0) continue
      const names = others.map(nameOf).sort(byName).slice(0, 4).join(', ')
      gap(`disks[${nameOf(disk)}].${name}`, `"${disk[name]}" is also on ${names}`)
      kept[name] = undefined
    }
    return kept
  })
}

/** Serial numbers are unique per model; an NVMe disk's namespaces share one. */
function serialId({ serial, members }: Known): string | undefined {
  const raw = members[0]!.raw
  if (serial === undefined) return undefined
  const model = raw.kernelModel ?? raw.transport?.toLowerCase() ?? 'disk'
  const namespace = raw.namespaceId === undefined ? '' : `:ns${raw.namespaceId}`
  return `${model}:${serial}${namespace}`.replaceAll(' ', '_')
}

function bestId(disk: Known): { readonly uid: string; readonly identity: DiskIdentity } {
  if (disk.label !== undefined) return { uid: `label:${disk.label}`, identity: 'LABEL' }
  const serial = serialId(disk)
  if (serial !== undefined) return { uid: `serial:${serial}`, identity: 'SERIAL' }
  if (disk.wwid !== undefined) {
    return { uid: `wwid:${disk.wwid.replaceAll(' ', '_')}`, identity: 'WWID' }
  }
  return { uid: `path:${disk.members[0]!.place}`, identity: 'PATH' }
}
