/** The collectors on the machine the tests run on, against what its own tools and Node say. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, hostname, release } from 'node:os'
import { type HardwareInventory, sectionFacts } from '@keelson/shared/model'
import { systemClock } from '@keelson/shared/runtime'
import { beforeAll, describe, expect, it } from 'vitest'
import { collectInventory, collectReadings } from './index.ts'

let inventory: HardwareInventory

beforeAll(async () => {
  inventory = await collectInventory({ sysroot: '/', clock: systemClock, node: hostname() })
})

describe('the report of this host', () => {
  it('counts the CPUs the kernel has online', () => {
    const online = execFileSync('getconf', ['_NPROCESSORS_ONLN'], { encoding: 'utf8' })
    expect(sectionFacts(inventory, 'cpu')?.threads).toBe(Number(online))
    expect(Number(online)).toBeGreaterThanOrEqual(availableParallelism())
  })

  it('has the memory of /proc/meminfo', () => {
    const kib = /^MemTotal:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]
    expect(sectionFacts(inventory, 'memory')?.totalBytes).toBe(Number(kib) * 1024)
  })

  it('has the kernel that runs', () => {
    expect(sectionFacts(inventory, 'os')).toMatchObject({
      kernelRelease: release(),
      hostname: hostname(),
    })
  })

  it('has every disk lsblk has, with its size', () => {
    const output = execFileSync('lsblk', ['-J', '-b', '-d', '-o', 'NAME,TYPE,SIZE,MOUNTPOINT'], {
      encoding: 'utf8',
    })
    const devices = (
      JSON.parse(output) as { blockdevices: { name: string; type: string; size: number }[] }
    ).blockdevices
    const disks = devices
      .filter(({ name, type }) => type === 'disk' && !/^(zram|ram|nbd|drbd|zd|rbd)/.test(name))
      .map(({ name, size }) => ({ name, size }))
    const found = (sectionFacts(inventory, 'disks')?.disks ?? []).flatMap((disk) =>
      disk.paths.map((path) => ({ name: path.kernelName, size: disk.sizeBytes })),
    )
    expect(found).toEqual(expect.arrayContaining(disks))
  })

  it('has every link that is not a guest’s', () => {
    const links = readdirSync('/sys/class/net').filter(
      (name) => name !== 'bonding_masters' && !/^(veth|tap|vnet)/.test(name),
    )
    const found = sectionFacts(inventory, 'nics')?.links.map((link) => link.name)
    expect(found).toEqual(expect.arrayContaining(links.filter((name) => /^(lo|e)/.test(name))))
  })

  it('says why something is missing, always', () => {
    for (const { name, meta } of inventory.sections) {
      expect(meta.gaps.length > 0, name).toBe(meta.status !== 'OK')
      for (const gap of meta.gaps) expect(gap.reason, `${name} ${gap.path}`).not.toBe('')
    }
  })

  it('is the same when read again', async () => {
    const again = await collectInventory({ sysroot: '/', clock: systemClock, node: hostname() })
    const hashes = (report: HardwareInventory) =>
      report.sections.map((section) => [section.name, section.meta.sha256])
    expect(hashes(again)).toEqual(hashes(inventory))
  })

  it('has readings', () => {
    const readings = collectReadings({ sysroot: '/', clock: systemClock, node: 'n' })
    expect(readings.memory?.availableBytes).toBeGreaterThan(0)
    expect(readings.uptimeSeconds).toBeGreaterThan(0)
  })
})
