/**
 * The name of a file is its whole record. A volume and a snapshot become visible, change hands and
 * disappear by one rename, which the file system does wholly or not at all, so there is no second
 * record that could disagree after a crash. A person reads the same names with `ls`.
 *
 *     volumes/<name>.<uid>.img
 *     snapshots/<name>.<uid>.<volume uid>.<reflink|copy>.img
 *     trash/<epoch ms of removal>.<volume|snapshot>.<the name it had>
 *
 * Names and uids are DNS labels, hence without dots. Any other name is foreign and left alone.
 */
import type { SnapshotMethod } from '@keelson/shared/model'

/** What a volume's file name says. */
export interface VolumeName {
  readonly name: string
  readonly uid: string
}

/** What a snapshot's file name says. */
export interface SnapshotName {
  readonly name: string
  readonly uid: string
  readonly volumeUid: string
  readonly method: SnapshotMethod
}

/** What the name of a file in the trash says. */
export interface TrashName {
  readonly removedAt: number
  readonly kind: 'volume' | 'snapshot'
}

const VOLUME = /^([a-z0-9-]+)\.([a-z0-9-]+)\.img$/
const SNAPSHOT = /^([a-z0-9-]+)\.([a-z0-9-]+)\.([a-z0-9-]+)\.(reflink|copy)\.img$/
const TRASH = /^(\d+)\.(volume|snapshot)\.(.+)$/

/** File name of a volume. */
export function volumeFileName(volume: VolumeName): string {
  return `${volume.name}.${volume.uid}.img`
}

/** The volume a file name denotes, or undefined for a foreign name. */
export function parseVolumeFileName(fileName: string): VolumeName | undefined {
  const [, name, uid] = VOLUME.exec(fileName) ?? []
  return name !== undefined && uid !== undefined ? { name, uid } : undefined
}

/** File name of a snapshot. */
export function snapshotFileName(snapshot: SnapshotName): string {
  const { name, uid, volumeUid, method } = snapshot
  return `${name}.${uid}.${volumeUid}.${method.toLowerCase()}.img`
}

/** The snapshot a file name denotes, or undefined for a foreign name. */
export function parseSnapshotFileName(fileName: string): SnapshotName | undefined {
  const [, name, uid, volumeUid, method] = SNAPSHOT.exec(fileName) ?? []
  if (name === undefined || uid === undefined || volumeUid === undefined) return undefined
  return { name, uid, volumeUid, method: method === 'reflink' ? 'Reflink' : 'Copy' }
}

/** Name in the trash of a file that was called `fileName`. */
export function trashFileName(
  kind: TrashName['kind'],
  fileName: string,
  removedAt: number,
): string {
  return `${removedAt}.${kind}.${fileName}`
}

/** What the trash holds under a name, or undefined for a foreign name. */
export function parseTrashFileName(trashName: string): TrashName | undefined {
  const [, removedAt, kind, fileName = ''] = TRASH.exec(trashName) ?? []
  if (kind === 'volume' && parseVolumeFileName(fileName))
    return { kind, removedAt: Number(removedAt) }
  if (kind === 'snapshot' && parseSnapshotFileName(fileName))
    return { kind, removedAt: Number(removedAt) }
  return undefined
}
