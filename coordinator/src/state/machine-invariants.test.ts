import { describe, expect, it } from 'vitest'
import { createPopulatedWorld, machineSpec, volumeDisk, type World } from '../testing/index.ts'
import { checkInvariants } from './invariants.ts'
import type { RecordTypes } from './records.ts'

type Machine = RecordTypes['virtualMachine']

/** A sound cluster with two machines: "web" writes to volume "data", "db" reads it. */
function soundWorld(): World {
  const world = createPopulatedWorld()
  const spec = { sizeBytes: 2 ** 20, storageClass: '', pool: '', nodes: [], sourceSnapshot: '' }
  world.run('CreateVolume', 'data', { name: 'data', labels: {}, spec: { ...spec, replicas: 4 } })
  for (const [name, readOnly] of [
    ['web', false],
    ['db', true],
  ] as const)
    world.run('CreateVirtualMachine', name, {
      ...{ name, labels: {}, volumeUids: [] },
      spec: machineSpec({ disks: [volumeDisk('data', readOnly)] }),
    })
  return world
}

/** Changes a machine behind the back of all decisions. */
function tamper({ state }: World, id: string, change: (machine: Machine) => Machine): void {
  const value = change(state.virtualMachines.get(id)!)
  state.apply([{ kind: 'virtualMachine', id, value }], state.revision + 1)
}

const status = (fields: Partial<Machine['status']>) => (machine: Machine) => ({
  ...machine,
  status: { ...machine.status, ...fields },
})
const spec = (fields: Partial<Machine['spec']>) => (machine: Machine) => ({
  ...machine,
  spec: { ...machine.spec, ...fields },
})

describe('machines', () => {
  it('of a sound state break no rule', () => {
    expect(checkInvariants(soundWorld().state)).toEqual([])
  })

  const broken: [rule: string, break_: (world: World) => void][] = [
    ['machine-node-exists', (world) => tamper(world, 'web', status({ standbyNode: 'gone' }))],
    [
      'machine-volume-exists',
      ({ state }) =>
        state.apply([{ kind: 'volume', id: 'data', value: undefined }], state.revision + 1),
    ],
    ['machine-disks-shown', (world) => tamper(world, 'web', status({ disks: [] }))],
    [
      'volume-has-one-writer',
      (world) => tamper(world, 'db', spec({ disks: [volumeDisk('data')] })),
    ],
    ['machine-reserved-where-placed', (world) => tamper(world, 'web', status({ node: '' }))],
    [
      'machine-reserved-where-placed',
      (world) => tamper(world, 'web', status({ targetNode: 'n0' })),
    ],
    ['machine-halted-has-no-place', (world) => tamper(world, 'web', spec({ runPolicy: 'Halted' }))],
    [
      'machine-standby-elsewhere',
      (world) =>
        tamper(world, 'web', (machine) => status({ standbyNode: machine.status.node })(machine)),
    ],
    [
      'name-is-key',
      (world) => tamper(world, 'web', (one) => ({ ...one, meta: { ...one.meta, name: 'other' } })),
    ],
    [
      'uid-unique',
      (world) =>
        tamper(world, 'web', (one) => {
          const { uid } = world.state.volumes.get('data')!.meta
          return { ...one, meta: { ...one.meta, uid } }
        }),
    ],
  ]
  it.each(broken)('that are not: %s', (rule, break_) => {
    const world = soundWorld()
    break_(world)
    expect(checkInvariants(world.state).map((violation) => violation.rule)).toContain(rule)
  })
})
