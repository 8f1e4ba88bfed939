import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { expect, it } from 'vitest'
import { createDeviceProbe, type ProbeRequest } from './device-probe.ts'
import { type TempTree, tempTree } from './test-trees.ts'

const SIZE = 8 * 2 ** 20

function request(kernelName: string, generation = '1'): ProbeRequest {
  return { kernelName, deviceNumber: '8:0', sizeBytes: SIZE, generation, partitions: [] }
}

function probeOf(tree: TempTree, clock = systemClock, requireBlockDevice = false) {
  const hostPath = (path: string) => join(tree.root, path)
  return createDeviceProbe({ clock, hostPath, requireBlockDevice, patienceMs: 700 })
}

/** A node whose opening hangs until something writes to it, as a dying disk's does. */
function hangingDevice(tree: TempTree, name: string): () => void {
  tree.write('/dev/.keep', '')
  const path = join(tree.root, 'dev', name)
  execFileSync('mkfifo', [path])
  return () => closeSync(openSync(path, constants.O_RDWR))
}

it('reads a device once per generation', async () => {
  using tree = tempTree()
  tree.device('sda', SIZE)
  const probe = probeOf(tree)
  expect(await probe.examine(request('sda'))).toMatchObject({ content: { blank: true } })
  tree.device('sda', SIZE, [[0, Buffer.from('XFSB')]])
  expect(await probe.examine(request('sda'))).toMatchObject({ content: { blank: true } })
  expect(await probe.examine(request('sda', '2'))).toMatchObject({
    content: { blank: false, signatures: ['xfs'] },
  })
})

it.each<[string, (tree: TempTree) => void, string]>([
  ['no node', () => {}, '/dev/sda does not exist'],
  [
    'a node shorter than the disk',
    (tree) => tree.device('sda', 4096),
    'it ends at byte 4096, before its size',
  ],
])('says why it cannot read and tries again: %s', async (_, prepare, reason) => {
  using tree = tempTree()
  prepare(tree)
  const probe = probeOf(tree)
  expect(await probe.examine(request('sda'))).toEqual({ problem: expect.stringContaining(reason) })
  tree.device('sda', SIZE)
  expect(await probe.examine(request('sda'))).toHaveProperty('content')
})

it('refuses a node that is not the block device it should be', async () => {
  using tree = tempTree()
  tree.device('sda', SIZE)
  const probe = probeOf(tree, systemClock, true)
  expect(await probe.examine(request('sda'))).toEqual({
    problem: 'reading /dev/sda failed: not a block device',
  })
})

it('gives up on a disk that does not answer, once, and leaves others alone after two', async () => {
  using tree = tempTree()
  const clock = createFakeClock()
  const release = ['sda', 'sdb'].map((name) => hangingDevice(tree, name))
  tree.device('sdc', SIZE)
  const probe = probeOf(tree, clock)
  const first = probe.examine(request('sda'))
  await clock.advance(700)
  const problem = 'reading /dev/sda, begun at 2026-01-01T00:00:00.000Z, has not returned'
  expect(await first).toEqual({ problem })
  const again = probe.examine(request('sda'))
  await clock.advance(60_000)
  expect(await again).toEqual({ problem })
  const second = probe.examine(request('sdb'))
  await clock.advance(700)
  await second
  expect(await probe.examine(request('sdc'))).toEqual({
    problem: 'reads of sda and sdb hang, so it is left alone',
  })
  for (const each of release) each()
})

it('takes the answer that came late', async () => {
  using tree = tempTree()
  const clock = createFakeClock()
  const release = hangingDevice(tree, 'sda')
  const probe = probeOf(tree, clock)
  const first = probe.examine(request('sda'))
  await clock.advance(700)
  expect(await first).toHaveProperty('problem')
  release()
  // The fifo has no content, so the late answer is an error, which is an answer all the same.
  await expect
    .poll(async () => {
      const next = probe.examine(request('sda'))
      await clock.advance(0)
      return next
    })
    .toEqual({ problem: expect.stringContaining('reading /dev/sda failed') })
})
