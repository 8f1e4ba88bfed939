/** Random clusters and wishes for the tests of placement rules, each from a seed. */
import {
  type AffinityRule,
  type GroupRule,
  NO_RULES,
  type PlacementRules,
  RACK_LABEL,
  type ReplicaRule,
  type VirtualMachineSpec,
  type VolumeSpec,
} from '@keelson/shared/model'
import { type Chance, chanceOf } from '../placement/choose/fixture.ts'
import { computeOf, createScene, GIB, type Scene } from '../placement/fixture.ts'
import type { CommandOf } from './command.ts'

/** A cluster and a way to draw wishes for it. */
export interface RandomCluster extends Scene {
  readonly chance: Chance
  /** "" for no guarantee, else its label or "hosts". */
  readonly guarantee: string
  wantVolume(name: string): CommandOf<'CreateVolume'>
  wantMachine(name: string): CommandOf<'CreateVirtualMachine'>
}

const KINDS = ['Volume', 'VirtualMachine'] as const
const GROUPS: readonly GroupRule[] = [
  { ...groupOf('g1', 'Apart', ''), maximumPerDomain: 1 },
  { ...groupOf('g2', 'Apart', RACK_LABEL), maximumPerDomain: 2 },
  { ...groupOf('g3', 'Together', RACK_LABEL), maximumPerDomain: 1 },
]

function groupOf(name: string, relation: GroupRule['relation'], failureDomain: string) {
  return { name, relation, failureDomain, strength: 'Required' as const }
}

/** Chance in the forms that drawing needs. */
interface Dice {
  readonly chance: Chance
  below(limit: number): number
  pick<T>(list: readonly T[]): T
}

function diceOf(seed: number): Dice {
  const chance = chanceOf(seed)
  const below = (limit: number) => Math.floor(chance() * limit)
  return { chance, below, pick: (list) => list[below(list.length)]! }
}

/**
 * A cluster of up to nine hosts: some cordoned, offline, tainted or without a rack. `neighbours`
 * says whether wishes speak of others.
 */
export function randomCluster(seed: number, neighbours = true): RandomCluster {
  const dice = diceOf(seed)
  const { chance, pick } = dice
  const scene = createScene()
  const hostCount = addHosts(scene, dice)
  const guarantee = pick(['', '', 'hosts', RACK_LABEL])
  if (guarantee !== '')
    scene.policy({
      guarantees: [{ failureDomain: guarantee.replace('hosts', ''), losses: 1, mode: 'Enforce' }],
    })
  const { machineSpec, volumeSpec } = wishesOf(dice, hostCount, neighbours)
  const creation = (name: string) => ({
    name,
    labels: { app: pick(['x', 'y', 'z']) },
    stamp: { now: 1, actor: 'user/test', uid: `uid of ${name}` },
  })
  return {
    ...scene,
    chance,
    guarantee,
    wantVolume: (name) => ({ type: 'CreateVolume', ...creation(name), spec: volumeSpec() }),
    wantMachine(name) {
      const spec = machineSpec(name)
      const volumeUids = spec.disks.map((_, index) => `uid of ${name}-d${index}`)
      return { type: 'CreateVirtualMachine', ...creation(name), spec, volumeUids }
    },
  } as RandomCluster
}

/** Adds hosts and their pools; returns how many hosts. */
function addHosts(scene: Scene, { below, chance, pick }: Dice): number {
  const hostCount = 2 + below(8)
  for (let host = 0; host < hostCount; host++) {
    const name = `n${host}`
    const capacity = { cpuMillis: 1_000 * (1 + below(8)), memoryBytes: (4 + below(28)) * GIB }
    scene.host(name, chance() < 0.1 ? '' : `r${host % (1 + below(4))}`, {
      labels: { disk: pick(['fast', 'slow']) },
      spec: {
        schedulable: chance() > 0.08,
        ...(chance() < 0.15 && {
          taints: [{ key: 'own', value: pick(['a', 'b']), effect: 'NoSchedule' }],
        }),
      },
      status: {
        phase: chance() < 0.08 ? 'Offline' : 'Online',
        capacity: { ...capacity, storageBytes: 0 },
      },
    })
    scene.pool(name, 'p', 10 + below(40))
    if (chance() < 0.2) scene.pool(name, 'q', 10 + below(20))
  }
  return hostCount
}

/** Draws of what is wanted. */
function wishesOf({ below, chance, pick }: Dice, hostCount: number, neighbours: boolean) {
  const some = (share: number, make: () => object) => (chance() < share ? make() : {})
  const affinity = (): AffinityRule => ({
    target: pick(KINDS),
    ...(chance() < 0.5
      ? { names: [`${pick(['v', 'm'])}${below(6)}`], labelSelector: '' }
      : { names: [], labelSelector: `app=${pick(['x', 'y'])}` }),
    relation: pick(['Apart', 'Apart', 'Together']),
    failureDomain: pick(['', RACK_LABEL]),
    strength: pick(['Required', 'Required', 'Preferred']),
    weight: 1,
  })
  const rules = (): PlacementRules => ({
    ...NO_RULES,
    ...some(0.15, () => ({ nodeSelector: `disk=${pick(['fast', 'slow'])}` })),
    ...some(0.1, () => ({ nodes: [`n${below(hostCount)}`, `n${below(hostCount)}`] })),
    ...some(0.1, () => ({ excludedNodes: [`n${below(hostCount)}`] })),
    ...some(0.2, () => ({ tolerations: [{ key: 'own', ...some(0.5, () => ({ value: 'a' })) }] })),
    ...some(neighbours ? 0.3 : 0, () => ({ affinities: [affinity()] })),
    ...some(neighbours ? 0.2 : 0, () => ({ groups: [pick(GROUPS)] })),
  })
  const replicaRule = (): ReplicaRule => ({
    failureDomain: pick([RACK_LABEL, 'disk']),
    mode: pick(['Different', 'PreferDifferent', 'Same']),
    maximumPerDomain: 1 + below(2),
  })
  const volumeSpec = (): VolumeSpec => ({
    ...{ storageClass: '', pool: '', nodes: [], sourceSnapshot: '' },
    sizeBytes: (1 + below(12)) * GIB,
    replicas: 1 + below(3),
    rules: rules(),
    ...some(0.3, () => ({ replicaRules: [replicaRule()] })),
  })
  const machineSpec = (name: string): VirtualMachineSpec => ({
    ...{ runPolicy: 'Always', interfaces: [], evictionPolicy: 'Migrate', priority: 0 },
    compute: computeOf({ vcpus: 1 + below(6), memoryBytes: (1 + below(8)) * GIB }),
    rules: rules(),
    disks: Array.from({ length: below(3) }, (_, index) => ({
      ...{ name: `d${index}`, readOnly: false, serial: '', bootOrder: 0, bus: 'Virtio' as const },
      source: {
        type: 'NewVolume' as const,
        newVolume: { name: `${name}-d${index}`, spec: volumeSpec(), keep: false },
      },
    })) as unknown as VirtualMachineSpec['disks'],
    volumeLocality: pick(['Required', 'Preferred', 'Ignored']),
  })
  return { machineSpec, volumeSpec }
}
