/** `kill -9` at moments nobody chose: what was acknowledged is there, and nothing is half there. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLmdbStore } from './lmdb.ts'
import { readAll } from './store.ts'

const WRITER = fileURLToPath(new URL('./lmdb-crash-writer.ts', import.meta.url))

/** Lets the writer run until it has acknowledged `count` commits, kills it, and returns them. */
async function writeAndKill(directory: string, count: number): Promise<number[]> {
  const writer = spawn(process.execPath, [WRITER, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = once(writer, 'exit')
  const acknowledged: number[] = []
  for await (const line of createInterface(writer.stdout)) {
    // What was printed before the signal took effect was acknowledged too.
    acknowledged.push(Number(line))
    if (acknowledged.length === count) writer.kill('SIGKILL')
  }
  expect((await exit)[1]).toBe('SIGKILL')
  return acknowledged
}

describe('a store whose process is killed', () => {
  let directory: string
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'keelson-crash-'))
  })
  afterAll(() => rmSync(directory, { recursive: true }))
  const acknowledged: number[] = []

  it.each([1, 7, 40, 230, 1100, 33, 410, 90])(
    'after %i more acknowledged commits',
    async (count) => {
      acknowledged.push(...(await writeAndKill(directory, count)))
      const store = await openLmdbStore({ directory, create: false })
      const { revision, records } = await readAll(store, '')
      await store.close()
      const values = new Map(records.map(({ key, value }) => [key, value]))

      // Every acknowledged transaction is there; transactions are whole, and there is none between.
      expect(Math.max(...acknowledged)).toBeLessThanOrEqual(revision)
      const expected = new Map([[`token/${revision}`, `${revision}`]])
      for (let n = 1; n <= revision; n++) {
        expected.set(`left/${n}`, `${n}`.padEnd(n % 3000, '.'))
        expected.set(`right/${n}`, `${n}`)
      }
      expect(values).toEqual(expected)
    },
  )
})
