/** For the tests of this room: recorded trees, copies of them with sparse disks, and readers. */
import {
  closeSync,
  cpSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FactsBySection, Gap, HardwareSection, SectionName } from '@keelson/shared/model'
import { systemClock } from '@keelson/shared/runtime'
import { collectInventory } from './watch.ts'

/** Directory of a recorded tree. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
}

/** A directory of its own for one test; disposed of at the end of the test's block. */
export interface TempTree extends Disposable {
  readonly root: string
  /** Writes a file, with the directories above it. */
  write(path: string, content: string | Buffer): void
  /** Makes a symbolic link. */
  link(path: string, target: string): void
  /** Makes a sparse file below /dev with bytes at some offsets. */
  device(name: string, sizeBytes: number, pieces?: readonly (readonly [number, Buffer])[]): void
}

/** A copy of a recorded tree, or an empty tree. */
export function tempTree(name?: string): TempTree {
  const root = mkdtempSync(join(tmpdir(), 'keelson-inventory-'))
  if (name !== undefined) cpSync(fixture(name), root, { recursive: true, verbatimSymlinks: true })
  const write = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return {
    root,
    write,
    link(path, target) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      symlinkSync(target, join(root, path))
    },
    device(device, sizeBytes, pieces = []) {
      write(`/dev/${device}`, '')
      const fd = openSync(join(root, 'dev', device), 'r+')
      ftruncateSync(fd, sizeBytes)
      for (const [offset, bytes] of pieces) writeSync(fd, bytes, 0, bytes.length, offset)
      closeSync(fd)
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}

/** One section of a tree, read once. */
export async function readSection<N extends SectionName>(
  sysroot: string,
  name: N,
): Promise<{ facts: FactsBySection[N]; gaps: readonly Gap[]; section: HardwareSection }> {
  const inventory = await collectInventory({
    sysroot,
    clock: systemClock,
    node: 'test',
    sections: [name],
  })
  const [section] = inventory.sections
  if (section?.facts === undefined) throw new Error(`no facts: ${JSON.stringify(section?.meta)}`)
  return { facts: section.facts as FactsBySection[N], gaps: section.meta.gaps, section }
}
