/**
 * Surroundings for tests on real file systems and real loop devices: an image file with a fresh
 * file system, mounted under the temporary directory, and a pool in it.
 */
import { constants } from 'node:fs'
import {
  access,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  statfs,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type CommandRunner, createLocalRunner } from '@keelson/shared/exec'
import type { StoragePoolKind } from '@keelson/shared/model'
import { type Clock, systemClock } from '@keelson/shared/runtime'
import type { StorageHarness } from '../conformance/index.ts'
import type { PoolConfig, StorageDriver, VolumeState } from '../driver.ts'
import { createFileDriver, type FileDriverOptions } from './file-driver.ts'
import { findLoops } from './loop.ts'

const CAPACITY_BYTES = 400 * 1024 * 1024
const TRASH_HOLD_MS = 5_000
const runner = createLocalRunner()

/** Runs a tool as a test's helper. */
export async function runTool(file: string, ...args: string[]): Promise<string> {
  return (await runner.run({ file, args, timeoutMs: 60_000 })).stdout.trim()
}

/** A runner that does something before each run of one tool. */
export function before(file: string, action: () => Promise<void> | void): CommandRunner {
  return {
    async run(command) {
      if (command.file === file) await action()
      return runner.run(command)
    },
  }
}

/** A mounted file system of a test's own. */
export interface TestFilesystem {
  readonly directory: string
  unmount(): Promise<void>
}

/** Makes and mounts a file system; `sectorBytes` is that of the disk it believes to be on. */
export async function mountTestFilesystem(
  kind: 'ext4' | 'xfs',
  sectorBytes = 512,
): Promise<TestFilesystem> {
  const base = await mkdtemp(join(tmpdir(), `keelson-${kind}-`))
  const image = join(base, 'image')
  const directory = join(base, 'mount')
  await mkdir(directory)
  await runTool('truncate', '--size', String(CAPACITY_BYTES), image)
  const size = ['--sector-size', String(sectorBytes)]
  const device = await runTool('losetup', '--find', '--show', ...size, image)
  await runTool(`mkfs.${kind}`, '-q', device)
  await runTool('mount', device, directory)
  return {
    directory,
    async unmount() {
      await runTool('umount', directory)
      await runTool('losetup', '--detach', device)
      await rm(base, { recursive: true })
    },
  }
}

/** A harness with what tests of the file driver itself need besides. */
export interface FileHarness extends StorageHarness {
  readonly deviceDirectory: string
  readonly stateDirectory: string
  /** A driver with some of its dependencies replaced. */
  createDriver(overrides?: Partial<FileDriverOptions>): StorageDriver
  /** Loop devices over anything in the pool, as `/dev/loop3 <path in the pool>`. */
  loops(): Promise<string[]>
  /** Every file of the pool, as paths in it; empty records aside. */
  files(): Promise<string[]>
}

/** A pool of `kind` in a directory of its own under `directory`. */
export async function createFileHarness(
  directory: string,
  kind: StoragePoolKind,
): Promise<FileHarness> {
  const freeBlocks = (await statfs(directory)).bavail
  const base = await mkdtemp(join(directory, 'pool-'))
  const work = await mkdtemp(join(tmpdir(), 'keelson-file-driver-'))
  const path = join(base, 'local')
  const pool: PoolConfig = { uid: 'pool-a', name: 'local', kind, path, clusterId: 'cluster-a' }
  const deviceDirectory = join(work, 'devices')
  const stateDirectory = join(work, 'state')
  const foreign = join(path, 'volumes', 'holiday.img')
  // The present, because tests also make calls from processes that have the real clock.
  let now = Date.now()
  const clock: Clock = { now: () => now, after: systemClock.after }
  const loops = () => findLoops((file) => file.startsWith(`${base}/`))
  const detachAll = async () => {
    for (const loop of loops()) await runTool('losetup', '--detach', loop.path)
  }
  return {
    pool,
    capacityBytes: CAPACITY_BYTES,
    trashHoldMs: TRASH_HOLD_MS,
    deviceDirectory,
    stateDirectory,
    createDriver: (overrides = {}) =>
      createFileDriver({
        runner,
        clock,
        deviceDirectory,
        stateDirectory,
        trashHoldMs: TRASH_HOLD_MS,
        ...overrides,
      }),
    advance(durationMs) {
      now += durationMs
    },
    async write(volume, offsetBytes, data) {
      await using device = await open(volume.devicePath, 'r+')
      await device.write(Buffer.from(data), 0, data.length, offsetBytes)
      await device.sync()
    },
    read: readDevice,
    async hold(volume) {
      const device = await open(volume.devicePath, constants.O_RDONLY | constants.O_EXCL)
      return () => device.close()
    },
    async reboot() {
      await detachAll()
      await rm(deviceDirectory, { recursive: true, force: true })
    },
    async hidePool() {
      await rename(path, `${path}-hidden`)
      return async () => rename(`${path}-hidden`, path)
    },
    async destroyData(volume) {
      await unlink(join(path, 'volumes', `${volume.name}.${volume.uid}.img`))
    },
    async addForeign() {
      await writeFile(foreign, 'mine')
      return 'volumes/holiday.img'
    },
    foreignIsUntouched: async () => (await readFile(foreign, 'utf8')) === 'mine',
    async loops() {
      return loops().map((loop) => `${loop.path} ${loop.backingFile.slice(path.length + 1)}`)
    },
    async files() {
      const entries = await readdir(path, { recursive: true, withFileTypes: true })
      return entries
        .filter((entry) => entry.isFile() && !entry.parentPath.endsWith('/records'))
        .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
        .sort()
    },
    async close() {
      // A device that a test left mounted goes with its mount; a mount it keeps busy goes after it.
      await detachAll()
      await unmountUnder(directory)
      while (loops().length > 0) await delay(5)
      await rm(base, { recursive: true, force: true })
      await rm(work, { recursive: true, force: true })
      await waitForFree(directory, freeBlocks)
    },
  }
}

/** Unmounts what a test mounted inside its file system, or from it, and did not unmount. */
async function unmountUnder(directory: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n')
  const inside = mounts
    .map((line) => line.split(' ')[1]?.replaceAll('\\040', ' ') ?? '')
    .filter((mountPoint) => mountPoint.startsWith(`${directory}/`))
  for (const mountPoint of inside.reverse()) await runTool('umount', mountPoint)
}

/** XFS frees the blocks of removed files a moment later; the next test counts on them. */
async function waitForFree(directory: string, freeBlocks: number): Promise<void> {
  const tolerance = 256
  while ((await statfs(directory)).bavail < freeBlocks - tolerance) await delay(5)
}

async function readDevice(
  volume: VolumeState,
  offsetBytes: number,
  lengthBytes: number,
): Promise<string> {
  await using device = await open(volume.devicePath, 'r')
  const { buffer } = await device.read(Buffer.alloc(lengthBytes), 0, lengthBytes, offsetBytes)
  return buffer.toString('latin1')
}

/** Whether a path exists. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
