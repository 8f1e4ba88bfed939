import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  parseSnapshotFileName,
  parseTrashFileName,
  parseVolumeFileName,
  snapshotFileName,
  trashFileName,
  volumeFileName,
} from './names.ts'

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
const volume = fc.record({ name: label, uid: label })
const method = fc.constantFrom('Reflink' as const, 'Copy' as const)
const snapshot = fc.record({ name: label, uid: label, volumeUid: label, method })

describe('file names', () => {
  it('say everything about a volume or a snapshot, and fit a file system', () => {
    fc.assert(
      fc.property(volume, snapshot, fc.nat(), (v, s, removedAt) => {
        expect(parseVolumeFileName(volumeFileName(v))).toEqual(v)
        expect(parseSnapshotFileName(snapshotFileName(s))).toEqual(s)
        const trashed = trashFileName('snapshot', snapshotFileName(s), removedAt)
        expect(parseTrashFileName(trashed)).toEqual({ kind: 'snapshot', removedAt })
        expect(trashed.length).toBeLessThanOrEqual(255)
      }),
    )
  })
  it('of a volume and of a snapshot are never taken for each other', () => {
    fc.assert(
      fc.property(volume, snapshot, (v, s) => {
        expect(parseSnapshotFileName(volumeFileName(v))).toBeUndefined()
        expect(parseVolumeFileName(snapshotFileName(s))).toBeUndefined()
      }),
    )
  })
  it.each([
    'disk.img',
    'data.uid.img.bak',
    'data.uid.img (deleted)',
    'Data.uid.img',
    'data.uid.other.link.img',
    '../data.uid.img',
    '.data.uid.img.tmp',
    '17.volume.notes.txt',
    '17.snapshot.data.uid.img',
    'soon.volume.data.uid.img',
  ])('of others, such as %s, are foreign', (name) => {
    expect(parseVolumeFileName(name)).toBeUndefined()
    expect(parseSnapshotFileName(name)).toBeUndefined()
    expect(parseTrashFileName(name)).toBeUndefined()
  })
})
