/**
 * A process is killed with SIGKILL after every single step of every call. Whatever it was doing,
 * the next driver finishes it, or undoes it, and leaves no file, no record and no device behind.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createLocalRunner } from '@keelson/shared/exec'
import type { StoragePoolKind } from '@keelson/shared/model'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { StorageDriver, VolumeConfig } from '../driver.ts'
import {
  createFileHarness,
  exists,
  type FileHarness,
  mountTestFilesystem,
  type TestFilesystem,
} from './testing.ts'

const MIB = 1024 * 1024
const DATA: VolumeConfig = { uid: 'volume-a', name: 'data', sizeBytes: 8 * MIB }
const LARGER: VolumeConfig = { ...DATA, sizeBytes: 16 * MIB }
const RESTORED: VolumeConfig = {
  uid: 'volume-r',
  name: 'restored',
  sizeBytes: 16 * MIB,
  sourceSnapshotUid: 'snap-a',
}
const SNAP = { uid: 'snap-a', name: 'before', volumeUid: DATA.uid } as const
const TEXT = 'the beam that ties the frame to the keel'
const runner = createLocalRunner()

/** A call by name and arguments after the pool, so that another process can be told to make it. */
type Call = { [M in keyof StorageDriver]: readonly [M, ...unknown[]] }[keyof StorageDriver]

/** Makes a call in a process of its own that kills itself after the step with index `killAt`. */
const CHILD = `
  const { room, exec, options, pool, call: [method, ...args], killAt } = JSON.parse(process.argv[1])
  const { createFileDriver } = await import(room)
  const { createLocalRunner } = await import(exec)
  let steps = 0
  const driver = createFileDriver({
    ...options,
    runner: createLocalRunner(),
    onStep: () => steps++ === killAt && process.kill(process.pid, 'SIGKILL'),
  })
  await driver[method](pool, ...args)
`

async function killedAt(h: FileHarness, call: Call, killAt: number): Promise<void> {
  const task = {
    room: new URL('./index.ts', import.meta.url).href,
    exec: import.meta.resolve('@keelson/shared/exec'),
    options: { deviceDirectory: h.deviceDirectory, stateDirectory: h.stateDirectory },
    pool: h.pool,
    call,
    killAt,
  }
  const args = ['--input-type=module', '-e', CHILD, JSON.stringify(task)]
  const child = runner.run({ file: process.execPath, args, timeoutMs: 60_000 })
  await expect(child).rejects.toThrow('was killed by SIGKILL')
}

async function make(driver: StorageDriver, h: FileHarness, call: Call): Promise<void> {
  const [method, ...args] = call
  await (driver[method] as (...all: unknown[]) => Promise<unknown>)(h.pool, ...args)
}

interface Scenario {
  readonly name: string
  /** Calls that come before, undisturbed. */
  readonly given: readonly Call[]
  readonly call: Call
  /** Steps the call has; a new step without a test of its crash fails. */
  readonly steps: readonly string[]
}

const GIVEN_VOLUME: readonly Call[] = [['preparePool'], ['ensureVolume', DATA]]
const scenarios = (reflink: boolean): readonly Scenario[] => [
  {
    name: 'preparing a pool',
    given: [],
    call: ['preparePool'],
    steps: ['pool created', 'pool marked', 'pool recorded'],
  },
  {
    name: 'creating a volume',
    given: [['preparePool']],
    call: ['ensureVolume', DATA],
    steps: [
      'volume filled',
      'image complete',
      'image in place',
      'volume recorded',
      'volume attached',
      'volume linked',
    ],
  },
  {
    name: 'growing a volume',
    given: GIVEN_VOLUME,
    call: ['ensureVolume', LARGER],
    steps: ['volume grown', 'volume recorded', 'device grown', 'volume linked'],
  },
  {
    name: 'taking a snapshot',
    given: GIVEN_VOLUME,
    call: ['createSnapshot', SNAP],
    steps: [
      ...(reflink ? [] : ['snapshot copied']),
      'snapshot filled',
      'image complete',
      'image in place',
    ],
  },
  {
    name: 'restoring a snapshot',
    given: [...GIVEN_VOLUME, ['createSnapshot', SNAP]],
    call: ['ensureVolume', RESTORED],
    steps: [
      'volume filled',
      'image complete',
      'image in place',
      'volume recorded',
      'volume attached',
      'volume linked',
    ],
  },
  {
    name: 'removing a volume',
    given: GIVEN_VOLUME,
    call: ['removeVolume', DATA.uid],
    steps: [
      'device claimed',
      'device detached',
      'volume unlinked',
      'volume in trash',
      'volume forgotten',
    ],
  },
  {
    name: 'removing a snapshot',
    given: [...GIVEN_VOLUME, ['createSnapshot', SNAP]],
    call: ['removeSnapshot', SNAP.uid],
    steps: ['snapshot in trash'],
  },
  {
    name: 'removing a pool',
    given: [['preparePool']],
    call: ['removePool'],
    steps: ['pool removal recorded', 'pool emptied', 'pool unmarked'],
  },
]

const SETTINGS: readonly (readonly ['ext4' | 'xfs', StoragePoolKind])[] = [
  ['ext4', 'FILE'],
  ['xfs', 'FILE_THIN'],
]

for (const [filesystem, kind] of SETTINGS)
  describe(`${kind} on ${filesystem}, killed`, () => {
    let mounted: TestFilesystem
    let h: FileHarness
    beforeAll(async () => {
      mounted = await mountTestFilesystem(filesystem)
    })
    afterAll(() => mounted.unmount())
    beforeEach(async () => {
      h = await createFileHarness(mounted.directory, kind)
    })
    afterEach(() => h.close())

    /** Does what came before; an existing volume holds some text. */
    const prepare = async (scenario: Scenario) => {
      const driver = h.createDriver()
      for (const call of scenario.given) {
        await make(driver, h, call)
        if (call[0] !== 'ensureVolume') continue
        const [volume] = (await driver.listPool(h.pool)).volumes
        if (volume !== undefined) await h.write(volume, 0, TEXT)
      }
    }
    /** What there is to see from outside, with names of devices and times left out. */
    const look = async () => ({
      files: (await exists(h.pool.path)) ? (await h.files()).map(withoutTime) : [],
      loops: (await h.loops()).map((line) => line.replace(/^\S+ /, '')).sort(),
      links: await readdir(h.deviceDirectory).catch(() => []),
      state: await readdir(h.stateDirectory).catch(() => []),
      records: await readdir(join(h.pool.path, 'records')).catch(() => []),
    })

    for (const scenario of scenarios(filesystem === 'xfs'))
      describe(`while ${scenario.name}`, () => {
        it('announces every step', async () => {
          await prepare(scenario)
          const seen: string[] = []
          const driver = h.createDriver({ onStep: (step) => seen.push(step) })
          await make(driver, h, scenario.call)
          expect(seen).toEqual(scenario.steps)
        })
        it.each(scenario.steps.map((step, index) => [step, index] as const))(
          'after "%s", the same call finishes it',
          async (_, index) => {
            const undisturbed = await outcomeOf(scenario)
            await prepare(scenario)
            await killedAt(h, scenario.call, index)
            const driver = h.createDriver()
            await make(driver, h, scenario.call)
            if (scenario.call[0] !== 'removePool') await driver.reclaim(h.pool)
            expect(await look()).toEqual(undisturbed)
            await expectText(driver, scenario)
          },
        )
      })

    /** What the call leads to when nobody is killed, seen in a pool of its own. */
    const outcomeOf = async (scenario: Scenario) => {
      await prepare(scenario)
      await make(h.createDriver(), h, scenario.call)
      const outcome = await look()
      await h.close()
      h = await createFileHarness(mounted.directory, kind)
      return outcome
    }
    const expectText = async (driver: StorageDriver, scenario: Scenario) => {
      if (scenario.call[0] === 'removePool' || scenario.call[0] === 'preparePool') return
      for (const volume of (await driver.listPool(h.pool)).volumes) {
        const isNew = scenario.name === 'creating a volume'
        expect(await h.read(volume, 0, TEXT.length)).toBe(isNew ? '\0'.repeat(TEXT.length) : TEXT)
        expect(volume.ready).toBe(true)
      }
    }

    it.each(['creating a volume', 'growing a volume', 'restoring a snapshot'])(
      'while %s, it can be removed instead',
      async (name) => {
        const scenario = scenarios(filesystem === 'xfs').find((item) => item.name === name)
        if (scenario === undefined) throw new Error(`no scenario ${name}`)
        for (const index of scenario.steps.keys()) {
          await prepare(scenario)
          await killedAt(h, scenario.call, index)
          const driver = h.createDriver()
          for (const { uid } of [DATA, RESTORED]) await driver.removeVolume(h.pool, uid)
          await driver.removeSnapshot(h.pool, SNAP.uid)
          // The killed process had its own clock.
          h.advance(h.trashHoldMs + 3_600_000)
          await driver.reclaim(h.pool)
          expect(await look()).toEqual({
            files: ['keelson-pool.json'],
            loops: [],
            links: [],
            state: [`pool-${h.pool.uid}.json`],
            records: [],
          })
          await driver.removePool(h.pool)
          expect(await readdir(h.pool.path)).toEqual([])
        }
      },
    )
  })

function withoutTime(path: string): string {
  return path.replace(/^trash\/\d+\./, 'trash/<time>.')
}
