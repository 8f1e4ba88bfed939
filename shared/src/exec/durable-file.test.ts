import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeFileDurably } from './durable-file.ts'

describe('writeFileDurably', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keelson-durable-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  it('replaces the content and leaves nothing else behind', async () => {
    const path = join(directory, 'record.json')
    await writeFileDurably(path, 'first, and longer')
    await writeFileDurably(path, new TextEncoder().encode('second'))
    expect(await readFile(path, 'utf8')).toBe('second')
    expect(await readdir(directory)).toEqual(['record.json'])
  })
  it('is private unless told otherwise, even over a public file', async () => {
    const path = join(directory, 'secret')
    await writeFile(path, 'old', { mode: 0o644 })
    await writeFileDurably(path, 'new')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    await writeFileDurably(path, 'new', { mode: 0o644 })
    expect((await stat(path)).mode & 0o777).toBe(0o644)
  })
  it('replaces what a crashed writer left, with none of its rights', async () => {
    const path = join(directory, 'record.json')
    await writeFile(join(directory, '.record.json.tmp'), 'half of a rec', { mode: 0o666 })
    await writeFileDurably(path, 'whole')
    expect(await readdir(directory)).toEqual(['record.json'])
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })
  it('keeps the old version when the new one cannot be put in place', async () => {
    const path = join(directory, 'occupied')
    await mkdir(path)
    await expect(writeFileDurably(path, 'x')).rejects.toThrow(/EISDIR|EEXIST|ENOTEMPTY/)
    expect((await stat(path)).isDirectory()).toBe(true)
  })
})
