import { KeelsonError } from '@keelson/shared/errors'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createFakeCluster,
  type FakeCluster,
  NOW_MS,
  sampleHardware,
  sampleNode,
  samplePool,
} from '../../testing/index.ts'
import { parseChanges } from './label.ts'

let cluster: FakeCluster
let asked: object[]
const clock = { now: () => NOW_MS, after: () => ({ cancel: () => undefined }) }

beforeAll(async () => {
  cluster = await createFakeCluster()
})
afterAll(() => cluster.close())
beforeEach(() => {
  asked = []
  cluster.services = {
    nodes: {
      getNode: async () => ({ node: sampleNode() }),
      listNodes: async () => ({
        ...{ nodes: [sampleNode(), sampleNode('n2')], nextPageToken: '', resourceVersion: 1n },
      }),
      async getNodeHardware(request) {
        asked.push(request)
        return { hardware: sampleHardware(), readings: undefined }
      },
      async updateNode(request) {
        asked.push({ ...request })
        return { node: sampleNode() }
      },
    },
    pools: {
      listStoragePools: async () => ({
        ...{ storagePools: [samplePool()], nextPageToken: '', resourceVersion: 1n },
      }),
    },
  }
})

describe('node list', () => {
  it('shows liveness, and nothing for what is not known', async () => {
    const { stdout } = await cluster.run('node list', { clock })
    expect(stdout).toBe(
      [
        'NAME  PHASE   SCHEDULABLE  RACK  CPUS  MEMORY  STORAGE  SEEN  AGE',
        'n1    Online  yes          a       64  256GiB        -  4s    60m',
        'n2    Online  yes          a       64  256GiB        -  4s    60m',
        '',
      ].join('\n'),
    )
  })
})

describe('node show', () => {
  it('has fields, resources, pools and a line of hardware', async () => {
    const { stdout } = await cluster.run('node show n1', { clock })
    expect(stdout).toContain('Phase:          Online\n')
    expect(stdout).toContain('Capabilities:   file, kvm\n')
    expect(stdout).toMatch(/\nPools:\n {2}NAME .*\n {2}local +n1 +FILE_THIN/)
    expect(stdout).toContain('\nHardware:\n  256GiB, 2 disks\n')
  })

  it('a host without a hardware report is shown all the same', async () => {
    cluster.services.nodes = {
      ...cluster.services.nodes,
      async getNodeHardware() {
        throw new KeelsonError('NOT_FOUND', 'no report')
      },
    }
    const { code, stdout } = await cluster.run('node show n1')
    expect([code, stdout]).toEqual([0, expect.stringContaining('no report yet')])
  })

  it('as JSON it is the answer of the API alone, asked for once', async () => {
    const { stdout } = await cluster.run('node show n1 -o json')
    expect(Object.keys(JSON.parse(stdout))).toEqual(['node'])
    expect(asked).toEqual([])
  })
})

describe('node hardware', () => {
  it('shows sections in order, gaps with reasons, and no zero for what is missing', async () => {
    const { stdout } = await cluster.run('node hardware n1', { clock })
    // The table of disks is wide: its first eight words are enough here.
    const lines = stdout.split('\n').map((line) => {
      const words = line.trim().split(/ +/)
      return words.length === 13 ? `  ${words.slice(0, 8).join(' ')} …` : line
    })
    expect(lines.join('\n')).toBe(
      [
        'System (read 12s ago, unavailable)',
        '  nothing is known',
        '  not readable: system: /sys/class/dmi does not exist',
        '',
        'Memory (read 12s ago, partial)',
        '  Usable:  256GiB',
        '  not readable: dimms: /dev/mem cannot be opened',
        '',
        'Disks (read 12s ago)',
        '  DISK SIZE USAGE SIGNATURE HELD-BY MOUNT TRANSPORT MEDIUM …',
        '  sda 894.1GiB OS - - - - flash …',
        '  sdb - not-known - - - - - …',
        '',
        '',
      ].join('\n'),
    )
  })

  it('asks for the sections that are wanted', async () => {
    await cluster.run('node hardware n1 --section disks,cpu --section os')
    expect(asked).toMatchObject([{ node: 'n1', sections: ['disks', 'cpu', 'os'] }])
    const { code, stderr } = await cluster.run('node hardware n1 --section disk')
    expect([code, stderr]).toEqual([2, expect.stringContaining('"disk" is not one of system, cpu')])
  })
})

describe('node label, taint, cordon, uncordon', () => {
  const none = {
    ...{ setLabels: {}, removeLabels: [], setTaints: [], removeTaints: [] },
    ...{ schedulable: undefined, dryRun: false },
  }
  it.each([
    [
      'node label n1 rack=a tier= spare-',
      { setLabels: { rack: 'a', tier: '' }, removeLabels: ['spare'] },
    ],
    ['node label n1 a=b --dry-run', { setLabels: { a: 'b' }, dryRun: true }],
    [
      'node taint n1 gpu=yes:NoSchedule spare:NoExecute old-',
      {
        setTaints: [
          { key: 'gpu', value: 'yes', effect: 'NoSchedule' },
          { key: 'spare', value: '', effect: 'NoExecute' },
        ],
        removeTaints: ['old'],
      },
    ],
    ['node cordon n1', { schedulable: false }],
    ['node uncordon n1', { schedulable: true }],
  ])('%s', async (line, expected) => {
    expect((await cluster.run(line)).code).toBe(0)
    expect(asked).toEqual([{ name: 'n1', ...none, ...expected }])
  })

  it.each([
    [['rack'], 'not a label'],
    [['=a'], 'not a label'],
    [['a=b', 'a-'], 'both set and removed'],
    [['-'], 'not valid'],
  ])('%j is refused', (changes, message) => {
    expect(() => parseChanges(changes)).toThrow(message)
  })

  it.each([
    ['gpu=yes:Never', 'is not a taint such as key=value:NoSchedule'],
    ['gpu', 'is not a taint'],
    ['gpu_:NoSchedule', 'label key "gpu_" is not valid'],
  ])('taint %s is refused', async (change, message) => {
    const { code, stderr } = await cluster.run(`node taint n1 ${change}`)
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  })

  it('a value may end with a dash as far as labels may: it is not a removal', () => {
    expect(() => parseChanges(['a=b-'])).toThrow('value "b-" of label a')
  })
})
