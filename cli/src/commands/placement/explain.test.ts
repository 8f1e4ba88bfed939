import { ExplainVolumeResponse } from '@keelson/shared/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFakeCluster, type FakeCluster } from '../../testing/index.ts'
import { funnelText } from './report-view.ts'

let cluster: FakeCluster

beforeAll(async () => {
  cluster = await createFakeCluster()
})
afterAll(() => cluster.close())

const part = (value: number) => ({ name: 'space', value, weight: 2 })
const response = ExplainVolumeResponse.fromPartial({
  report: {
    subject: 'volume/data',
    placeable: true,
    summary: '2 × 100 GiB on n1/nvme, n4/nvme',
    nodes: [
      { node: 'n1', pool: 'nvme', chosen: true, scores: [part(0.9)], totalScore: 1.8 },
      { node: 'n4', pool: 'nvme', chosen: true, scores: [part(0.5)], totalScore: 1 },
      { node: 'n7', pool: 'nvme', rejectedBy: 'space', reason: 'needs 100 GiB, 21.4 GiB' },
    ],
    funnel: [
      { filter: 'candidates', remaining: 40 },
      { filter: 'pool-kind', remaining: 22 },
      { filter: 'node-online', remaining: 22 },
      { filter: 'space', remaining: 9 },
    ],
    closestMiss: 'n7 lacks 78.6 GiB in pool nvme',
    groups: [{ filter: 'space', count: 13, example: 'needs 100 GiB', nodes: ['n7', 'n8'] }],
  },
})

describe('placement explain volume', () => {
  it('shows the funnel, the verdicts with the parts of their scores, and what was rejected', async () => {
    let asked: unknown
    cluster.services = {
      placement: {
        async explainVolume(request) {
          asked = request
          return response
        },
      },
    }
    const { code, stdout } = await cluster.run('placement explain volume data --at 12 --full')
    expect(asked).toMatchObject({
      subject: { $case: 'name', value: 'data' },
      resourceVersion: 12n,
      full: true,
    })
    expect(stdout).toBe(
      [
        'volume/data: 2 × 100 GiB on n1/nvme, n4/nvme',
        'Funnel:        40 candidates -> 22 (pool-kind) -> 9 (space) -> 2 chosen',
        'Closest miss:  n7 lacks 78.6 GiB in pool nvme',
        'Verdicts (of scores, the higher is the better):',
        '  NODE  POOL  VERDICT  SCORE  SPACE  REASON',
        '  n1    nvme  chosen     1.8    1.8  -',
        '  n4    nvme  chosen       1      1  -',
        '  n7    nvme  space        -      -  needs 100 GiB, 21.4 GiB',
        'Rejected:',
        '  FILTER  COUNT  EXAMPLE        NODES',
        '  space      13  needs 100 GiB  n7,n8',
        '',
      ].join('\n'),
    )
    expect(code).toBe(0)
  })

  it('sends what a flavor says, and shows every filter of one host', async () => {
    let asked: unknown
    const filters = [
      { filter: 'node-online', passed: true, reason: '' },
      { filter: 'space', passed: false, reason: 'needs 100 GiB, 21.4 GiB' },
    ]
    const verdict = { node: 'n7', pool: 'nvme', rejectedBy: 'space' }
    cluster.services = {
      placement: {
        async explainVolume(request) {
          asked = request
          return ExplainVolumeResponse.fromPartial({
            ...response,
            whyNot: { verdict, filters, summary: 'n7/nvme is out: needs 100 GiB' },
          })
        },
      },
    }
    const { stdout } = await cluster.run('placement explain volume 100GiB,r2 --why-not n7')
    expect(asked).toMatchObject({
      subject: { $case: 'demand', value: { sizeBytes: 100n * 2n ** 30n, replicas: 2 } },
      whyNotNode: 'n7',
    })
    expect(stdout).toBe(
      [
        'n7/nvme is out: needs 100 GiB',
        'Filters:',
        '  FILTER       PASSED  REASON',
        '  node-online  yes     -',
        '  space        no      needs 100 GiB, 21.4 GiB',
        '',
      ].join('\n'),
    )
  })
})

describe('verdicts', () => {
  const many = Array.from({ length: 8 }, (_, index) => ({
    ...{ node: `n${index}`, pool: 'nvme', chosen: index === 6, totalScore: index },
  }))
  const out = { node: 'n9', pool: 'nvme', rejectedBy: 'space', reason: 'full' }
  const nodes = [out, ...many]

  it.each([
    ['', ['n6', 'n7', 'n5', 'n4', 'n3', 'n2', 'n9', '…']],
    ['--full', ['n6', 'n7', 'n5', 'n4', 'n3', 'n2', 'n1', 'n0', 'n9']],
  ])('are told with %j from the chosen on, the best of the possible first', async (flag, order) => {
    const report = { subject: 'volume/supposed', summary: '1 × 100 GiB on n6/nvme', nodes }
    cluster.services = {
      placement: { explainVolume: async () => ExplainVolumeResponse.fromPartial({ report }) },
    }
    const { stdout } = await cluster.run(`placement explain volume 100GiB,r1 ${flag}`)
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toBe('100GiB,r1: 1 × 100 GiB on n6/nvme')
    const table = lines.slice(lines.findIndex((line) => line.startsWith('  NODE')) + 1)
    expect(table.map((line) => line.trim().split(' ')[0])).toEqual(order)
  })
})

describe('a funnel', () => {
  it('names the steps that left fewer, and says when nothing was chosen', () => {
    expect(funnelText([{ filter: 'candidates', remaining: 3 }], 1)).toBe('3 candidates -> 1 chosen')
    expect(
      funnelText(
        [
          { filter: 'candidates', remaining: 3 },
          { filter: 'space', remaining: 0 },
        ],
        0,
      ),
    ).toBe('3 candidates -> 0 (space) -> none chosen')
  })
})
