import type { FailureDomainMode, Node, StoragePool } from '@keelson/shared/model'
import { NO_RULES, RACK_LABEL, type VolumeDemand } from '@keelson/shared/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createClusterState, type StateView } from '../state/index.ts'
import type { Place, VolumePlacement } from './contract.ts'
import { placeVolume } from './place.ts'

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

function stateOf(hosts: readonly Host[]): StateView {
  const state = createClusterState()
  for (const host of hosts) {
    state.apply([{ kind: 'node', id: host.name, value: node(host) }], 1)
    for (const [index, sizeGib] of host.pools.entries()) {
      const id = `${host.name}/p${index}`
      state.apply([{ kind: 'pool', id, value: pool(host.name, `p${index}`, sizeGib) }], 1)
    }
  }
  for (const failureDomainMode of ['Different', 'PreferDifferent', 'Same'] as const) {
    const rest = { pool: '', poolKinds: [], poolSelector: '', failureDomain: RACK_LABEL }
    const spec = { replicas: 1, failureDomainMode, ...rest }
    const value = { meta: meta(failureDomainMode), spec }
    state.apply([{ kind: 'class', id: failureDomainMode, value }], 7)
  }
  return state
}

interface Asked {
  readonly replicas?: number
  readonly sizeBytes?: number
  readonly failureDomainMode?: FailureDomainMode
  readonly seed?: number
}

function demandOf({
  failureDomainMode = 'PreferDifferent',
  replicas = 1,
  sizeBytes = GIB,
}: Asked): VolumeDemand {
  return {
    sizeBytes,
    replicas,
    storageClass: failureDomainMode,
    pool: '',
    poolKinds: [],
    rules: NO_RULES,
    replicaRules: [],
    tieBreakerMode: 'Auto',
    tenant: '',
  }
}

function place(state: StateView, asked: Asked = {}): VolumePlacement {
  const subject = { name: 'data', uid: `uid ${asked.seed ?? 1}` }
  return placeVolume(state, subject, demandOf(asked), { explain: true, full: true })
}

const where = (places: readonly Place[]) => places.map((one) => `${one.node}/${one.pool}`).sort()

const rackOf = (state: StateView, { node: name }: Place) =>
  state.nodes.get(name)?.meta.labels[RACK_LABEL]

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
    const state = stateOf(hosts(text))
    const { places, report } = place(state, { failureDomainMode, replicas })
    const found = places.map((one) => rackOf(state, one) ?? '-')
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
function allowed(state: StateView, asked: Asked): Place[][] {
  const { failureDomainMode, replicas = 1, sizeBytes = GIB } = asked
  const fit = state.hosts.candidates().flatMap(({ node: host, pool: { meta: named, status } }) => {
    const labelled = host?.meta.labels[RACK_LABEL] !== undefined
    const binding = failureDomainMode !== 'PreferDifferent' && replicas > 1
    if (status.freeBytes < sizeBytes || (binding && !labelled)) return []
    return [{ node: host!.meta.name, pool: named.name }]
  })
  const distinct = (keys: readonly unknown[]) => new Set(keys).size
  return [...choices(fit, replicas)].filter((chosen) => {
    if (distinct(chosen.map((one) => one.node)) < chosen.length) return false
    const domains = distinct(chosen.map((one) => rackOf(state, one)))
    if (replicas === 1 || failureDomainMode === 'PreferDifferent') return true
    return domains === (failureDomainMode === 'Same' ? 1 : chosen.length)
  })
}

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
      options: readonly Place[][],
      state: StateView,
      asked: Asked,
      some: readonly Host[],
    ) => void,
  ) =>
    fc.assert(
      fc.property(scenario, ({ hosts: some, changes }) => {
        const state = stateOf(some)
        property(place(state, changes), allowed(state, changes), state, changes, some)
      }),
      { numRuns: 300 },
    )

  it('is given a place exactly when there is one', () => {
    check(({ places, report }, options) => {
      expect(places.length > 0).toBe(options.length > 0)
      expect(report.placeable).toBe(places.length > 0)
      if (places.length > 0) expect(options.map(where)).toContainEqual(where(places))
    })
  })

  it('is given the best place: of Different and Same none scores higher', () => {
    check(({ places, report }, options, _state, { failureDomainMode }) => {
      if (places.length === 0 || failureDomainMode === 'PreferDifferent') return
      const scores = new Map(report.nodes.map((v) => [`${v.node}/${v.pool}`, v.totalScore]))
      const total = (choice: readonly Place[]) =>
        where(choice).reduce((sum, id) => sum + scores.get(id)!, 0)
      expect(total(places)).toBeCloseTo(Math.max(...options.map(total)), 5)
    })
  })

  it('is spread as far as its racks allow under PreferDifferent', () => {
    check(({ places }, options, state, { failureDomainMode }) => {
      if (places.length < 2 || failureDomainMode !== 'PreferDifferent') return
      const racks = (choice: readonly Place[]) =>
        new Set(choice.flatMap((one) => rackOf(state, one) ?? [])).size
      expect(racks(places)).toBe(Math.max(...options.map(racks)))
    })
  })

  it('gets the same answer whatever the order its hosts came in', () => {
    check(({ places }, _options, _state, asked, some) => {
      expect(place(stateOf(some.toReversed()), asked).places).toEqual(places)
    })
  })

  it('gets a report that adds up', () => {
    check(({ places, report }, _options, state) => {
      const count = state.hosts.candidates().length
      const rejected = report.nodes.filter(({ rejectedBy }) => rejectedBy !== '')
      expect(report.nodes.length).toBe(count)
      expect(report.nodes.filter((verdict) => verdict.chosen).length).toBe(places.length)
      for (const verdict of rejected) expect(verdict.reason).not.toBe('')
      for (const { scores, totalScore } of report.nodes) {
        expect(totalScore).toBe(scores.reduce((sum, part) => sum + part.value * part.weight, 0))
        for (const { value } of scores) expect(value >= 0 && value <= 1).toBe(true)
      }
      const remaining = report.funnel.map((step) => step.remaining)
      expect(remaining).toEqual(remaining.toSorted((a, b) => b - a))
      expect([remaining.at(0), remaining.at(-1)]).toEqual([count, count - rejected.length])
      const grouped = report.groups!.reduce((sum, group) => sum + group.count, 0)
      expect(grouped).toBe(rejected.length)
      expect([report.subject, report.resourceVersion]).toEqual(['volume/data', 7])
    })
  })
})

describe('preferences', () => {
  it('put a volume where more room is left', () => {
    const state = stateOf([
      { name: 'small', rack: 'a', pools: [10] },
      { name: 'large', rack: 'b', pools: [10, 100] },
    ])
    expect(where(place(state).places)).toEqual(['large/p1'])
  })

  it('let chance decide between equals, and the seed decide chance', () => {
    const state = stateOf(hosts('a1 b1 c1'))
    const counts = new Map<string, number>()
    for (let seed = 0; seed < 300; seed++) {
      const [first = ''] = where(place(state, { seed }).places)
      expect(where(place(state, { seed }).places)).toEqual([first])
      counts.set(first, (counts.get(first) ?? 0) + 1)
    }
    for (const count of counts.values()) expect(count).toBeGreaterThan(60)
    expect(counts.size).toBe(3)
  })
})

describe('a refusal', () => {
  const refusals: [name: string, hosts: Host[], changes: Asked, report: object][] = [
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
        summary:
          '1 × 10 GiB cannot be placed: 10 GiB is more than the largest pool can promise, b1/p0 with 7 GiB; all pools together have 10 GiB, but a replica lies in one',
        closestMiss: 'b1 lacks 3 GiB in pool p0',
        suggestedFix: '3 GiB more in pool b1/p0 would do',
      },
    ],
    [
      'for want of hosts says so when every pool fits',
      hosts('a1:a a2:a'),
      { replicas: 3 },
      {
        summary: '3 × 1 GiB cannot be placed: 3 replicas need 3 nodes with pools, there are 2',
        closestMiss: '',
        suggestedFix: '2 replicas would fit',
      },
    ],
  ]
  it.each(refusals)('%s', (_name, some, changes, report) => {
    expect(place(stateOf(some), changes).report).toMatchObject({ placeable: false, ...report })
  })
})
