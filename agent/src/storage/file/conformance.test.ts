import { afterAll, beforeAll, describe } from 'vitest'
import { storageDriverConformance } from '../conformance/index.ts'
import { createFileHarness, mountTestFilesystem, type TestFilesystem } from './testing.ts'

for (const filesystem of ['ext4', 'xfs'] as const)
  describe(`on a real ${filesystem}`, () => {
    let mounted: TestFilesystem
    beforeAll(async () => {
      mounted = await mountTestFilesystem(filesystem)
    })
    afterAll(() => mounted.unmount())

    for (const kind of ['FILE', 'FILE_THIN'] as const)
      storageDriverConformance(`${kind} on ${filesystem}`, kind, () =>
        createFileHarness(mounted.directory, kind),
      )
  })
