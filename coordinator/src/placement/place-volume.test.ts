import type { FailureDomainMode, Node, StoragePool } from '@keelson/shared/model'
import { parseSelector, RACK_LABEL } from '@keelson/shared/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Candidate, createClusterState } from '../state/index.ts'
import { FILTERS } from './filters.ts'
import { placeVolume, type VolumePlacement } from './place-volume.ts'
import type { VolumeRequest } from './request.ts'

const GIB = 2 ** 30

interface Host {
  readonly name: string
  /** Empty for a host without the label. */
  readonly rack: string
  /** Size of each pool, in GiB. */
  readonly pools: readonly number[]
}

const meta = (name: string, labels: Readonly<Record<string, string>> = {}) => ({
  name,
  uid: `uid of ${name}`,
  labels,
  generation: 1,
  resourceVersion: 0,
  createdAt: 0,
})

function node({ name, rack }: Host): Node {
  return {
    meta: meta(name, rack === '' ? {} : { [RACK_LABEL]: rack }),
    spec: { schedulable: true, profile: '' },
    status: {
      phase: 'Online',
      conditions: [],
      agentVersion: '',
      address: '',
      desiredGeneration: 0,
      appliedGeneration: 0,
      capabilities: ['drbd'],
      os: '',
      simulated: true,
      bootId: '',
    },
  }
}

function pool(host: string, name: string, sizeGib: number): StoragePool {
  return {
    meta: { ...meta(name), uid: `uid of ${host}/${name}` },
    spec: { node: host, kind: 'FILE', path: `/srv/${name}`, overcommitPercent: 100 },
    status: {
      phase: 'Ready',
      conditions: [],
      totalBytes: sizeGib * GIB,
      freeBytes: sizeGib * GIB,
      promisedBytes: 0,
      replicaCount: 0,
      reflink: false,
      foreignFiles: [],
    },
  }
}

function candidatesOf(hosts: readonly Host[]): readonly Candidate[] {
  const state = createClusterState()
  for (const host of hosts) {
    state.apply([{ kind: 'node', id: host.name, value: node(host) }], 1)
    for (const [index, sizeGib] of host.pools.entries()) {
      const id = `${host.name}/p${index}`
      state.apply([{ kind: 'pool', id, value: pool(host.name, `p${index}`, sizeGib) }], 1)
    }
  }
  return state.hosts.candidates()
}

const request = (changes: Partial<VolumeRequest> = {}): VolumeRequest => ({
  subject: 'volume/data',
  sizeBytes: GIB,
  replicas: 1,
  pool: '',
  poolKinds: [],
  poolSelector: parseSelector(''),
  nodes: [],
  failureDomain: RACK_LABEL,
  failureDomainMode: 'PreferDifferent',
  seed: 1,
  ...changes,
})

function place(
  candidates: readonly Candidate[],
  changes: Partial<VolumeRequest> = {},
): VolumePlacement {
  return placeVolume(candidates, request(changes), { explain: true, resourceVersion: 7 })
}

const where = (chosen: readonly Candidate[]) =>
  chosen.map(({ pool: { spec, meta: named } }) => `${spec.node}/${named.name}`).sort()

/** Hosts written "a1:a a2:a b1:b x": each with a pool of 10 GiB. */
function hosts(text: string): Host[] {
  return text.split(' ').map((word) => {
    const [name = '', rack = ''] = word.split(':')
    return { name, rack, pools: [10] }
  })
}

describe('failure domains', () => {
  const cases: [
    mode: FailureDomainMode,
    replicas: number,
    hosts: string,
    /** Racks of the chosen hosts in order, "-" for none; empty if it does not fit. */
    racks: string,
  ][] = [
    ['Different', 3, 'a1:a b1:b c1:c', 'abc'],
    ['Different', 3, 'a1:a a2:a a3:a b1:b b2:b c1:c', 'abc'],
    ['Different', 3, 'a1:a a2:a b1:b b2:b', ''],
    ['Different', 3, 'a1:a b1:b x1', ''],
    ['Different', 1, 'x1', '-'],
    ['PreferDifferent', 3, 'a1:a a2:a b1:b c1:c', 'abc'],
    ['PreferDifferent', 3, 'a1:a a2:a a3:a b1:b', 'aab'],
    ['PreferDifferent', 3, 'a1:a a2:a b1:b x1', '-ab'],
    ['PreferDifferent', 4, 'a1:a a2:a x1 x2', '--aa'],
    ['PreferDifferent', 3, 'a1:a a2:a', ''],
    ['Same', 2, 'a1:a b1:b b2:b', 'bb'],
    ['Same', 3, 'a1:a a2:a b1:b b2:b b3:b', 'bbb'],
    ['Same', 2, 'a1:a b1:b c1:c', ''],
    ['Same', 2, 'x1 x2', ''],
    ['Same', 1, 'x1', '-'],
  ]
  it.each(cases)('%s, %d replicas over "%s": "%s"', (failureDomainMode, replicas, text, racks) => {
    const { chosen, report } = place(candidatesOf(hosts(text)), { failureDomainMode, replicas })
    const found = chosen.map((candidate) => candidate.node?.meta.labels[RACK_LABEL] ?? '-')
    expect(found.sort().join('')).toBe(racks)
    expect(report.placeable).toBe(racks !== '')
  })
})

/** Every way to take `count` of the items. */
function* choices<T>(items: readonly T[], count: number): Generator<T[]> {
  if (count === 0) return yield []
  for (const [index, item] of items.entries())
    for (const rest of choices(items.slice(index + 1), count - 1)) yield [item, ...rest]
}

/** All choices the rules allow, found by trying every one. */
function allowed(candidates: readonly Candidate[], asked: VolumeRequest): Candidate[][] {
  const fit = candidates.filter((c) => FILTERS.every(({ check }) => check(c, asked) === null))
  const distinct = (keys: readonly unknown[]) => new Set(keys).size
  return [...choices(fit, asked.replicas)].filter((chosen) => {
    if (distinct(chosen.map((c) => c.pool.spec.node)) < chosen.length) return false
    const domains = distinct(chosen.map(domainOf))
    if (asked.replicas === 1 || asked.failureDomainMode === 'PreferDifferent') return true
    return domains === (asked.failureDomainMode === 'Same' ? 1 : chosen.length)
  })
}

const domainOf = (candidate: Candidate) => candidate.node?.meta.labels[RACK_LABEL]

describe('every small cluster', () => {
  const anyHost = fc.record({
    rack: fc.constantFrom('', 'r0', 'r1', 'r2'),
    pools: fc.array(fc.constantFrom(1, 2, 4, 8), { maxLength: 2 }),
  })
  const scenario = fc.record({
    hosts: fc
      .array(anyHost, { maxLength: 7 })
      .map((all) => all.map((host, index): Host => ({ name: `n${index}`, ...host }))),
    changes: fc.record({
      replicas: fc.integer({ min: 1, max: 4 }),
      sizeBytes: fc.constantFrom(GIB, 2 * GIB, 4 * GIB),
      failureDomainMode: fc.constantFrom<FailureDomainMode[]>(
        'Different',
        'PreferDifferent',
        'Same',
      ),
      seed: fc.nat(),
    }),
  })
  const check = (
    property: (
      placement: VolumePlacement,
      options: readonly Candidate[][],
      candidates: readonly Candidate[],
      asked: VolumeRequest,
    ) => void,
  ) =>
    fc.assert(
      fc.property(scenario, ({ hosts: some, changes }) => {
        const candidates = candidatesOf(some)
        const asked = request(changes)
        property(place(candidates, changes), allowed(candidates, asked), candidates, asked)
      }),
      { numRuns: 500 },
    )

  it('is given a place exactly when there is one', () => {
    check(({ chosen, report }, options) => {
      expect(chosen.length > 0).toBe(options.length > 0)
      expect(report.placeable).toBe(chosen.length > 0)
      if (chosen.length > 0) expect(options.map(where)).toContainEqual(where(chosen))
    })
  })

  it('is given the best place: of Different and Same none scores higher', () => {
    check(({ chosen, report }, options, _candidates, { failureDomainMode }) => {
      if (chosen.length === 0 || failureDomainMode === 'PreferDifferent') return
      const scores = new Map(report.nodes.map((v) => [`${v.node}/${v.pool}`, v.totalScore]))
      const total = (choice: readonly Candidate[]) =>
        where(choice).reduce((sum, id) => sum + scores.get(id)!, 0)
      expect(total(chosen)).toBeCloseTo(Math.max(...options.map(total)), 9)
    })
  })

  it('is spread as far as its racks allow under PreferDifferent', () => {
    check(({ chosen }, options, _candidates, { failureDomainMode }) => {
      if (chosen.length < 2 || failureDomainMode !== 'PreferDifferent') return
      const racks = (choice: readonly Candidate[]) =>
        new Set(choice.flatMap((candidate) => domainOf(candidate) ?? [])).size
      expect(racks(chosen)).toBe(Math.max(...options.map(racks)))
    })
  })

  it('gets the same answer whatever the order of its pools', () => {
    check(({ chosen }, _options, candidates, asked) => {
      const turned = placeVolume([...candidates].reverse(), asked, {
        explain: false,
        resourceVersion: 7,
      })
      expect(where(turned.chosen)).toEqual(where(chosen))
    })
  })

  it('gets a report that adds up', () => {
    check(({ chosen, report }, _options, candidates) => {
      const rejected = report.nodes.filter(({ rejectedBy }) => rejectedBy !== '')
      expect(report.nodes.length).toBe(candidates.length)
      expect(report.nodes.filter((verdict) => verdict.chosen).length).toBe(chosen.length)
      for (const verdict of rejected) expect(verdict.reason).not.toBe('')
      const remaining = report.funnel.map((step) => step.remaining)
      expect(remaining).toEqual(remaining.toSorted((a, b) => b - a))
      expect(remaining.at(-1)).toBe(candidates.length - rejected.length)
      expect([report.subject, report.resourceVersion]).toEqual(['volume/data', 7])
    })
  })
})

describe('preferences', () => {
  it('put a volume where more room is left', () => {
    const candidates = candidatesOf([
      { name: 'small', rack: 'a', pools: [10] },
      { name: 'large', rack: 'b', pools: [10, 100] },
    ])
    expect(where(place(candidates).chosen)).toEqual(['large/p1'])
  })

  it('let chance decide between equals, and the seed decide chance', () => {
    const candidates = candidatesOf(hosts('a1 b1 c1'))
    const counts = new Map<string, number>()
    for (let seed = 0; seed < 300; seed++) {
      const [first = ''] = where(place(candidates, { seed }).chosen)
      expect(where(place(candidates, { seed }).chosen)).toEqual([first])
      counts.set(first, (counts.get(first) ?? 0) + 1)
    }
    for (const count of counts.values()) expect(count).toBeGreaterThan(60)
    expect(counts.size).toBe(3)
  })
})

describe('a refusal', () => {
  const refusals: [name: string, hosts: Host[], changes: Partial<VolumeRequest>, report: object][] =
    [
      [
        'without any pool',
        [{ name: 'a1', rack: 'a', pools: [] }],
        {},
        {
          summary: '1 × 1 GiB cannot be placed: there are no storage pools',
          closestMiss: '',
          suggestedFix: 'create a pool: keelson pool create NAME --node NODE …',
        },
      ],
      [
        'for want of space names the pool that comes closest, and what is missing',
        [
          { name: 'a1', rack: 'a', pools: [3] },
          { name: 'b1', rack: 'b', pools: [7] },
        ],
        { sizeBytes: 10 * GIB },
        {
          summary: '1 × 10 GiB cannot be placed: 0 of 2 nodes with pools fit',
          closestMiss: 'b1/p0: needs 10 GiB, 7 GiB can be promised',
          suggestedFix: '3 GiB more in pool b1/p0 would do',
        },
      ],
      [
        'for want of hosts says so when every pool fits',
        hosts('a1:a a2:a'),
        { replicas: 3 },
        {
          summary: '3 × 1 GiB cannot be placed: 2 of 2 nodes with pools fit',
          closestMiss: '3 replicas need as many nodes that fit',
        },
      ],
    ]
  it.each(refusals)('%s', (_name, some, changes, report) => {
    expect(place(candidatesOf(some), changes).report).toMatchObject({ placeable: false, ...report })
  })
})
