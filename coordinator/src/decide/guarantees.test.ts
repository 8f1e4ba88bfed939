import { KeelsonError } from '@keelson/shared/errors'
import { type GuaranteeMode, RACK_LABEL } from '@keelson/shared/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { effectivePolicy, enforcedRules, fleetView, verifyLoss } from '../placement/index.ts'
import { policyId } from '../state/index.ts'
import {
  createWorld,
  faithfulReport,
  helloOf,
  machineSpec,
  newDisk,
  observedPool,
  reportOf,
  runs,
  type World,
} from '../testing/index.ts'
import { pendingStandbys } from './index.ts'

const GIB = 2 ** 30
const HOSTS = ['n0', 'n1', 'n2', 'n3', 'n4'] as const
const RACKS = ['a', 'b', 'c'] as const
const LABELS = ['', RACK_LABEL]

/** Five hosts in three racks, each with a pool. */
function createCluster(): World {
  const world = createWorld()
  const capabilities = ['file', 'drbd', 'kvm']
  world.run('CreateJoinToken', 'all', {
    ...{ id: 'all', secretSha256: 'secret', expiresAt: Number.MAX_SAFE_INTEGER, node: '' },
  })
  for (const [index, node] of HOSTS.entries()) {
    world.run('EnrollNode', node, {
      ...{ node, joinTokenId: 'all', joinSecretSha256: 'secret' },
      labels: { [RACK_LABEL]: RACKS[index % RACKS.length]! },
      machineKeySha256: `machine of ${node}`,
    })
    world.run('RecordHello', node, { hello: helloOf(node, { capabilities }), address: '' })
    const spec = { node, kind: 'FILE_THIN' as const, path: '/srv', overcommitPercent: 100 }
    world.run('CreatePool', node, { name: 'p', labels: {}, spec })
    const { uid } = world.state.pools.get(`${node}/p`)!.meta
    const sizes = { totalBytes: 100 * GIB, freeBytes: 100 * GIB }
    const observed = reportOf({ pools: [observedPool(uid, sizes)] })
    world.run('RecordObserved', node, { node, observed })
  }
  return world
}

type Step =
  | { does: 'create'; gib: number; copies: number; tenant: string; required: boolean }
  | { does: 'move'; index: number }
  | { does: 'delete'; index: number }
  | { does: 'policy'; tenant: string; hosts: GuaranteeMode; rack: GuaranteeMode }
  | { does: 'offline' | 'online' | 'cordon' | 'uncordon'; host: string }
  | { does: 'label'; host: string; rack: string }

const host = fc.constantFrom(...HOSTS)
const tenant = fc.constantFrom('', 'blue')
const mode = fc.constantFrom<GuaranteeMode>('Off', 'Warn', 'Enforce', 'Enforce')
const step = (weight: number, arbitrary: fc.Arbitrary<unknown>) => ({
  weight,
  arbitrary: arbitrary as fc.Arbitrary<Step>,
})
const anySteps = fc.array(
  fc.oneof(
    step(
      10,
      fc.record({
        ...{ does: fc.constant('create'), gib: fc.integer({ min: 1, max: 3 }) },
        ...{ copies: fc.nat(2), tenant, required: fc.boolean() },
      }),
    ),
    step(4, fc.record({ does: fc.constant('move'), index: fc.nat(20) })),
    step(2, fc.record({ does: fc.constant('delete'), index: fc.nat(20) })),
    step(3, fc.record({ does: fc.constant('policy'), tenant, hosts: mode, rack: mode })),
    step(3, fc.record({ does: fc.constantFrom('offline', 'online', 'cordon', 'uncordon'), host })),
    step(1, fc.record({ does: fc.constant('label'), host, rack: fc.constantFrom(...RACKS) })),
  ),
  { minLength: 5, maxLength: 30, size: 'max' },
)

function play(world: World, step: Step, number: number): void {
  const { state } = world
  const machines = state.virtualMachines.sortedIds()
  switch (step.does) {
    case 'create': {
      const { copies, gib, required } = step
      const name = `m${number}`
      const { compute } = machineSpec()
      const size = { sizeBytes: GIB, replicas: copies }
      const spec = machineSpec({
        compute: { ...compute, memoryBytes: gib * GIB },
        disks: copies === 0 ? [] : [newDisk(name, 'd', size)],
        volumeLocality: required ? 'Required' : 'Preferred',
      })
      const volumeUids = copies === 0 ? [] : [`uid-${name}`]
      const owned = { tenant: step.tenant, labels: {} }
      world.run('CreateVirtualMachine', name, { name, spec, volumeUids, ...owned })
      break
    }
    case 'move': {
      const name = machines[step.index % machines.length] ?? 'none'
      world.run('MoveVirtualMachine', name, { name, toNode: '' })
      break
    }
    case 'delete': {
      const name = machines[step.index % machines.length] ?? 'none'
      world.run('DeleteVirtualMachine', name, { name, keepVolumes: false })
      break
    }
    case 'policy':
      setPolicy(world, step)
      break
    case 'offline':
      world.run('SetNodePhase', step.host, { node: step.host, phase: 'Offline', reason: 'silent' })
      break
    case 'online':
      world.run('RecordHello', step.host, { hello: helloOf(step.host), address: '' })
      break
    default:
      world.run('UpdateNode', step.host, {
        ...{ node: step.host, removeLabels: [] },
        setLabels: step.does === 'label' ? { [RACK_LABEL]: step.rack } : {},
        ...(step.does !== 'label' && { schedulable: step.does === 'uncordon' }),
      })
  }
}

function setPolicy(world: World, step: Extract<Step, { does: 'policy' }>): void {
  const scope = step.tenant === '' ? 'Cluster' : 'Tenant'
  const id = policyId(scope, step.tenant)
  const guarantees = [
    { failureDomain: '', losses: 1, mode: step.hosts },
    { failureDomain: RACK_LABEL, losses: 1, mode: step.rack },
  ]
  world.run('SetPolicy', id, {
    policy: { scope, name: step.tenant, version: 0, weights: {}, guarantees },
    expectedVersion: world.state.policies.get(id)?.versions.at(-1)?.version ?? 0,
  })
}

/** Every host that is there has done what it was told. */
function report(world: World): void {
  const { state } = world
  for (const node of state.nodes.sortedIds())
    if (state.nodes.get(node)!.status.phase === 'Online')
      world.run('RecordObserved', node, { node, observed: faithfulReport(state, node) })
}

/** What the controller does, until nothing is left to be done. */
function settle(world: World): void {
  for (let turn = 0; turn < 5; turn++) {
    const standbys = pendingStandbys(world.state)
    if (standbys.length === 0) return
    world.run('AssignStandbys', 'standbys', { standbys })
  }
  expect(pendingStandbys(world.state), 'standbys settle').toEqual([])
}

/**
 * What the loss of some domain stops although a guarantee covers it. Data that lost copies with
 * hosts that are away is no work of placement: then only machines that find no room count.
 */
function breaksOf({ state }: World): Set<string> {
  const view = fleetView(state)
  const enforced = (label: string, subject: string) => {
    const { meta } = state.volumes.get(subject.replace('volume/', ''))!
    const { guarantees } = effectivePolicy(state, { tenant: meta.tenant ?? '' })
    return guarantees.some((one) => one.failureDomain === label && one.mode === 'Enforce')
  }
  const complete = [...state.nodes.values()].every(({ status }) => status.phase === 'Online')
  const found = LABELS.flatMap((label) =>
    verifyLoss(view.fleet, enforcedRules(view, label), label)
      .checks.flatMap(({ breaks }) => breaks)
      .filter(({ kind, reason, subject }) =>
        reason.startsWith('no host left')
          ? kind === 'Stops'
          : complete && (kind === 'Stops' || enforced(label, subject)),
      ),
  )
  return new Set(found.map(({ reason, subject }) => `${subject}: ${reason}`))
}

/** Machines of which it was told that they have no standby. */
function toldOf({ state }: World): string[] {
  return state.virtualMachines.sortedIds().filter((name) => {
    const { conditions } = state.virtualMachines.get(name)!.status
    return conditions.some(({ status, type }) => type === 'Guaranteed' && status === 'False')
  })
}

function walk(steps: readonly Step[], look: (world: World, step: Step, before: Before) => void) {
  const world = createCluster()
  for (const [number, step] of steps.entries()) {
    const before = { breaks: breaksOf(world), told: toldOf(world), events: eventsOf(world) }
    try {
      play(world, step, number)
    } catch (error) {
      if (!(error instanceof KeelsonError)) throw error
      continue
    }
    report(world)
    look(world, step, before)
    settle(world)
  }
}

interface Before {
  readonly breaks: ReadonlySet<string>
  readonly told: readonly string[]
  readonly events: number
}

function eventsOf({ state }: World): number {
  return [...state.events.values()].filter(({ reason }) => reason === 'GuaranteeBroken').length
}

describe('guarantees, whatever happens', () => {
  it('hold once the standbys have settled, or it was told which machines have none', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        walk(steps, (world, _step, before) => {
          settle(world)
          const told = toldOf(world)
          // Of two that have no room for both either may be the one that was told.
          const lost = [...breaksOf(world)].filter((text) => text.includes('no host left'))
          const silent = told.length === 0 ? lost : []
          expect(silent).toEqual([])
          const fresh = told.filter((name) => !before.told.includes(name))
          expect(eventsOf(world) - before.events).toBe(fresh.length > 0 ? 1 : 0)
        })
      }),
      runs(120),
    )
  })

  it('are not broken by what is let in or moved', () => {
    let admitted = 0
    fc.assert(
      fc.property(anySteps, (steps) => {
        walk(steps, (world, { does }, before) => {
          if (does !== 'create' && does !== 'move') return
          if (before.told.length > 0 || before.breaks.size > 0) return
          admitted++
          expect([...breaksOf(world)]).toEqual([])
        })
      }),
      runs(120),
    )
    expect(admitted).toBeGreaterThan(100)
  })
})
