import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeConformance } from './conformance.ts'
import { openLmdbStore } from './lmdb.ts'

storeConformance('the lmdb engine', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'keelson-store.'))
  let store = await openLmdbStore({ directory })
  return {
    store,
    async reopen() {
      await store.close()
      store = await openLmdbStore({ directory })
      return store
    },
    async dispose() {
      await store.close()
      rmSync(directory, { recursive: true })
    },
  }
})
