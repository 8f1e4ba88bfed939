/** What the process does that its parts cannot show: it ends by itself, also when it fails. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@keelson/shared/runtime'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMemoryStore, openLmdbStore, writeBackup } from './store/index.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const MIB = 2 ** 20

interface Ran {
  /** Null for a process that had to be killed. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function run(...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { timeout: 20_000, killSignal: 'SIGKILL' } as const
    const child = execFile(process.execPath, [MAIN, ...args], options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

describe('restoring a backup', () => {
  let root: string
  let data: string
  let backup: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'keelson-restore-'))
    data = join(root, 'data')
    backup = join(root, 'backup')
    await mkdir(data)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${8 * MIB}`, 'none', data])
    const store = createMemoryStore()
    for (let index = 0; index < 12; index++)
      await store.commit({
        guards: [],
        operations: [{ type: 'put', key: `k/${index}`, value: 'x'.repeat(MIB) }],
      })
    await writeBackup(store, backup, systemClock)
    await store.close()
  })
  afterEach(async () => {
    execFileSync('umount', [data])
    await rm(root, { recursive: true })
  })

  it('on a disk too small fails, says where the store before is, and can be done again', async () => {
    const before = await openLmdbStore({ directory: join(data, 'store') })
    await before.close()
    const failed = await run('restore', '--data', data, backup)
    expect(failed.stderr).toMatch(/^error: .*disk is full, \d+ bytes are free/)
    expect(failed.code).toBe(1)
    const aside = /^the store before is kept at (.*)\n$/.exec(failed.stdout)?.[1]
    expect(await readdir(aside ?? '')).toContain('data.mdb')

    execFileSync('mount', ['-o', `remount,size=${64 * MIB}`, data])
    const done = await run('restore', '--data', data, backup)
    expect(done).toMatchObject({ code: 0, stderr: '' })
    expect(done.stdout).toContain('restored 12 records of revision 12\n')
    const restored = await openLmdbStore({ directory: join(data, 'store'), create: false })
    expect((await restored.get('k/11'))?.value.length).toBe(MIB)
    await restored.close()
  }, 60_000)
})
