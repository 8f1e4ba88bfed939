import { KeelsonError } from '@keelson/shared/errors'
import {
  type Flavor,
  NO_RULES,
  type PlacementPolicy,
  RACK_LABEL,
  type VolumeDemand,
  type WhatIfStep,
} from '@keelson/shared/model'
import { describe, expect, it } from 'vitest'
import { createFleetView, fleetView } from '../view/index.ts'
import { flavorOf, lossOfOne, type NodeLine, stateOf } from './fixture.ts'
import { createFlavorCounter } from './flavor-capacity.ts'
import { playSteps } from './play-steps.ts'
import { newHosts, PROFILES } from './profiles.ts'
import { placedRules, worldOfView } from './state-world.ts'

const FOUR: readonly NodeLine[] = [
  ['n1', 'a', 16],
  ['n2', 'a', 16],
  ['n3', 'b', 16],
  ['n4', 'c', 16],
]

const STANDING = {
  volumes: { data: ['n1', 'n3', '(n4)'], logs: ['n2'] },
  machines: {
    db: ['n1', 8, ['data'], 'n3'],
    ci: ['n2', 4, ['logs']],
  },
} as const

function play(state: ReturnType<typeof stateOf>, ...steps: WhatIfStep[]) {
  return playSteps(worldOfView(fleetView(state)), steps)
}

const failRack: WhatIfStep = { type: 'FailDomain', domain: { label: RACK_LABEL, value: 'a' } }

describe('a play on the records of a cluster', () => {
  it('fails a rack', () => {
    const [result] = play(stateOf(FOUR, STANDING), failRack)
    expect(result!.impacts.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual([
      'Unavailable volume/logs',
      'Stops vm/ci',
      'RedundancyReduced volume/data',
      'Restarts vm/db',
    ])
    expect(result!.moves.map(({ kind, toNode }) => `${kind} ${toNode}`)).toEqual([
      'Restart n3',
      'AddReplica n4',
    ])
  })

  it('returns a host that is offline', () => {
    const nodes = FOUR.with(0, ['n1', 'a', 16, 'Offline'])
    const [result] = play(stateOf(nodes, STANDING), { type: 'ReturnNode', node: 'n1' })
    expect(result!.summary).toBe('n1 comes back: 1 machine starts again')
    const back = play(stateOf(nodes, STANDING), { type: 'ReturnNode', node: 'n1' }, failRack)[1]!
    expect(back).toEqual(play(stateOf(FOUR, STANDING), failRack)[0]!)
  })

  it('empties a host with a volume that is only there: it goes along', () => {
    const [result] = play(stateOf(FOUR, STANDING), { type: 'DrainNode', node: 'n2' })
    const [copy, migration] = result!.moves
    expect([copy!.subject, migration!.subject]).toEqual(['volume/logs', 'vm/ci'])
    expect([copy!.toNode, migration!.after]).toEqual([migration!.toNode, [1]])
  })

  it('adds hosts of a profile and like one that exists, and uses them', () => {
    const flavor = flavorOf('big', 200)
    const add = (profile: string): WhatIfStep => ({
      ...{ type: 'AddNodes', profile, count: 2, labels: { [RACK_LABEL]: 'd' } },
    })
    const place: WhatIfStep = { type: 'Place', flavor, count: 3 }
    const results = play(stateOf(FOUR), place, add('ax162'), place, add('like:n1'), failRack)
    expect(results.map(({ summary }) => summary)).toEqual([
      expect.stringMatching(/^0 of 3 × big placed: /),
      '2 hosts ax162 added: ax162-new-1, ax162-new-2',
      expect.stringMatching(/^2 of 3 × big placed: /),
      '2 hosts like n1 added: n1-new-1, n1-new-2',
      'rack=a (2 hosts) fails',
    ])
    expect(results[2]!.report).toMatchObject({ placeable: false, subject: expect.any(String) })
  })

  it('refuses a profile nobody knows with those that are known', () => {
    const hosts = { names: ['x'], profile: 'ax999', labels: {} }
    const refused = (() => {
      try {
        newHosts(stateOf(FOUR), hosts)
      } catch (error) {
        return KeelsonError.from(error)
      }
      return undefined
    })()
    expect(refused).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(refused!.details.join('\n')).toContain('ax162: AMD EPYC 9454P, 48 cores, 256 GiB')
    expect(refused!.details).toHaveLength(Object.keys(PROFILES).length)
    expect(() => newHosts(stateOf(FOUR), { ...hosts, profile: 'like:nx' })).toThrow(
      '"nx" not found',
    )
  })

  it('sets a policy: its guarantee gives machines standbys', () => {
    const guarantees = [lossOfOne(RACK_LABEL)]
    const policy: PlacementPolicy = {
      ...{ scope: 'Cluster', name: '', version: 0, weights: {}, guarantees },
    }
    const state = stateOf(FOUR, { machines: { web: ['n1', 8] } })
    const before = JSON.stringify([...state.nodes.values(), ...state.policies.values()])
    const [result] = play(state, { type: 'SetPolicy', policy })
    expect(result!.summary).toBe('policy of the cluster replaced, 1 machine gets a standby')
    expect(JSON.stringify([...state.nodes.values(), ...state.policies.values()])).toBe(before)
  })

  it('leaves the view as a new one would be', () => {
    const state = stateOf(FOUR, STANDING)
    play(state, failRack, { type: 'DrainNode', node: 'n3' })
    const { fleet } = fleetView(state)
    const fresh = createFleetView(state).fleet
    expect(fleet.columns.map(({ capacity, used }) => [capacity, used])).toEqual(
      fresh.columns.map(({ capacity, used }) => [capacity, used]),
    )
    expect([fleet.poolCapacity, fleet.poolPromised]).toEqual([
      fresh.poolCapacity,
      fresh.poolPromised,
    ])
    expect([...fleet.machines]).toEqual([...fresh.machines])
  })
})

describe('the rules of what stands', () => {
  it('know witnesses, stale replicas, hosts that are away, and who is covered', () => {
    const nodes = FOUR.with(1, ['n2', 'a', 16, 'Offline'])
    const view = fleetView(stateOf(nodes, { ...STANDING, guarantees: [lossOfOne('')] }))
    const rules = placedRules(view)
    expect(rules.votes('data')).toEqual({ witnesses: [3], stale: [] })
    expect([...rules.gone!]).toEqual([0, 1, 0, 0])
    expect(rules.machine('db').standby).toBe('Any')
    expect(rules.machine('ci').standby, 'its volume has one replica').toBe('None')
    expect([...rules.machine('db').hosts!]).toEqual([1, 0, 1, 1])
    expect(rules.room('data').pools).toBe(rules.room('data').pools)
  })
})

describe('the capacity for a flavor', () => {
  const question = { failureDomain: RACK_LABEL, labelSelector: '' }

  it('is less while a host, and less still while a rack may be lost', () => {
    const [count] = [flavorOf('m', 4)].map(createFlavorCounter(fleetView(stateOf(FOUR)), question))
    expect(count).toMatchObject({
      flavor: 'm',
      now: { bindingResource: 'memory' },
      domains: [{ domain: 'a' }, { domain: 'b' }, { domain: 'c' }],
    })
    const counts = [count!.now, count!.withNodeLoss, count!.withDomainLoss].map((one) => one.count)
    expect(counts).toEqual([...counts].sort((a, b) => b - a))
    expect(counts[2]).toBeLessThan(counts[0]!)
    for (const one of [count!.now, count!.withNodeLoss, count!.withDomainLoss])
      expect(one.upperBound).toBeGreaterThanOrEqual(one.count)
    const [a] = count!.domains
    expect(count!.domains.reduce((sum, one) => sum + one.capacity.count, 0)).toBe(count!.now.count)
    expect(a!.capacity.count * 2).toBe(count!.now.count)
  })

  it('counts hosts that are selected, and those without a rack', () => {
    const nodes: readonly NodeLine[] = [...FOUR, ['n5', '', 16]]
    const [count] = [flavorOf('m', 4)].map(
      createFlavorCounter(fleetView(stateOf(nodes)), {
        ...question,
        labelSelector: '!topology.kubernetes.io/rack',
      }),
    )
    expect(count!.domains.map(({ domain }) => domain)).toEqual(['', 'a', 'b', 'c'])
    expect(count!.domains[0]!.capacity.count).toBe(count!.now.count)
    expect(count!.domains[1]!.capacity.count).toBe(0)
  })

  it('of a volume with one replica is none if its host may be lost', () => {
    const flavors = [1, 2].map((replicas): Flavor => {
      const volume: VolumeDemand = {
        ...{ sizeBytes: 100 * 2 ** 30, storageClass: '', pool: '', poolKinds: [], replicas },
        ...{ rules: NO_RULES, replicaRules: [], tieBreakerMode: 'Auto', tenant: '' },
      }
      return { name: `r${replicas}`, demand: { type: 'Volume', volume } }
    })
    const [one, two] = flavors.map(createFlavorCounter(fleetView(stateOf(FOUR)), question))
    expect([one!.now.count, one!.withNodeLoss.count]).toEqual([40, 0])
    expect(one!.withNodeLoss.summary).toBe(
      'none fit: a volume with one replica is lost with its host',
    )
    expect([two!.now.count, two!.withNodeLoss.count]).toEqual([20, 20])
    expect(two!.now.bindingResource).toBe('storage')
  })
})
