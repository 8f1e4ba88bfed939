/** Worlds made of a fleet and rules by name, without any records. */
import { KeelsonError } from '@keelson/shared/errors'
import {
  type Flavor,
  type Guarantee,
  NO_RULES,
  type Node,
  type NodePhase,
  type PlacementReport,
  RACK_LABEL,
  type StoragePool,
  type VirtualMachine,
  type VirtualMachineDemand,
  type Volume,
} from '@keelson/shared/model'
import { type ClusterState, createClusterState, type Write } from '../../state/index.ts'
import { createFleet, type Fleet, MEMORY } from '../fleet/index.ts'
import { type MachineRules, rulesOf, type VolumeRules } from '../guarantee/fixture.ts'
import type { Wanted, World } from './world.ts'

/** What is said of a world beside its fleet. */
export interface WorldOptions {
  readonly machines?: Readonly<Record<string, Partial<MachineRules>>>
  readonly volumes?: Readonly<Record<string, Partial<VolumeRules>>>
  readonly guarantees?: readonly Guarantee[]
  /** Names of hosts that are not there. */
  readonly gone?: readonly string[]
}

/** The guarantee that one rack, or one of another label, may be lost. */
export function lossOfOne(failureDomain: string): Guarantee {
  return { failureDomain, losses: 1, mode: 'Enforce' }
}

/** A world; hosts that are added look like the first one. */
export function worldOf(fleet: Fleet, options: WorldOptions = {}): World {
  const gone = Uint8Array.from(fleet.hosts, ({ name }) => Number(options.gone?.includes(name)))
  return {
    fleet,
    rules: { ...rulesOf(options), gone },
    guarantees: options.guarantees ?? [],
    compile: (flavor, name) => wantedOf(fleet, flavor, name),
    change(change) {
      switch (change.type) {
        case 'ReturnNode':
          return worldOf(fleet, {
            ...options,
            gone: options.gone?.filter((name) => name !== change.node) ?? [],
          })
        case 'SetPolicy':
          return worldOf(fleet, { ...options, guarantees: change.policy.guarantees })
        case 'AddNodes':
          return worldOf(withHosts(fleet, change.names, change.labels), options)
      }
    },
  }
}

function withHosts(
  fleet: Fleet,
  names: readonly string[],
  labels: Readonly<Record<string, string>>,
) {
  const [first] = fleet.hosts
  const [pool] = fleet.pools
  const { length } = fleet.hosts
  // In front, so that every row moves.
  const hosts = [...names.map((name) => ({ ...first!, name, labels })), ...fleet.hosts]
  const pools = [
    ...names.map((_, host) => ({ ...pool!, host })),
    ...fleet.pools.map((one) => ({ ...one, host: one.host + hosts.length - length })),
  ]
  const bigger = createFleet({ hosts, pools, standbyColumns: ['memory'], lossLabel: 'rack' })
  const shift = names.length
  for (const machine of fleet.machines.values())
    bigger.putMachine({
      ...machine,
      host: machine.host + shift,
      standby: machine.standby < 0 ? -1 : machine.standby + shift,
    })
  for (const volume of fleet.volumes.values())
    bigger.putVolume({ ...volume, pools: volume.pools.map((row) => row + shift) })
  return bigger
}

/** A machine's memory or a volume's size, as flavors of a test. */
export function flavorOf(name: string, memoryGib: number): Flavor {
  const demand: VirtualMachineDemand = {
    compute: {
      ...{ vcpus: 1, cpuPolicy: 'Shared', isolateEmulatorThread: false, hugepageSizeBytes: 0 },
      ...{ memoryBytes: memoryGib * 2 ** 30, numaPolicy: 'Any', devices: [], cpuModel: '' },
      ...{ cpuFeatures: [], architecture: 'amd64', tpm: false, headless: false },
    },
    ...{ rules: NO_RULES, networks: [], volumes: [], newVolumes: [], tenant: '' },
    volumeLocality: 'Preferred',
  }
  return { name, demand: { type: 'VirtualMachine', virtualMachine: demand } }
}

function wantedOf(fleet: Fleet, { demand }: Flavor, name: string): Wanted {
  if (demand.type === 'Volume') throw new KeelsonError('UNIMPLEMENTED', 'machines only')
  const { memoryBytes } = demand.virtualMachine.compute
  return {
    type: 'Machine',
    possible: true,
    request: {
      ...{ name, amounts: [{ column: MEMORY, amount: memoryBytes }], hosts: undefined },
      ...{ volumes: [], attached: [], locality: 'Ignored', standby: 'Any', numa: undefined },
      ...{ preference: undefined, seed: 0 },
    },
    report: (_, choice): PlacementReport => ({
      ...{ subject: `vm/${name}`, placeable: choice !== null, replicasRequested: 0 },
      summary: choice ? `on ${fleet.hosts[choice.host]!.name}` : 'no room',
      ...{ nodes: [], funnel: [], closestMiss: '', suggestedFix: '', resourceVersion: 0 },
    }),
  }
}

/** A host of `stateOf`: its rack, its memory in GiB, and whether it is there. */
export type NodeLine = readonly [name: string, rack: string, memoryGib: number, phase?: NodePhase]

/** What stands in `stateOf`. */
export interface Standing {
  /** Hosts of the replicas, by name of the volume; a host in brackets is a tie-breaker's. */
  readonly volumes?: Readonly<Record<string, readonly string[]>>
  /** Host, memory in GiB, volumes and standby, by name of the machine. */
  readonly machines?: Readonly<
    Record<
      string,
      readonly [host: string, gib: number, volumes?: readonly string[], standby?: string]
    >
  >
  readonly guarantees?: readonly Guarantee[]
}

/** Records of a small cluster: each host has a pool "p" of 1 TiB, each volume 10 GiB. */
export function stateOf(nodes: readonly NodeLine[], standing: Standing = {}): ClusterState {
  const state = createClusterState()
  const { guarantees, machines = {}, volumes = {} } = standing
  state.apply(
    [
      ...nodes.map((line): Write => ({ kind: 'node', id: line[0], value: nodeOf(line) })),
      ...nodes.map(([node]): Write => ({ kind: 'pool', id: `${node}/p`, value: poolOf(node) })),
      ...Object.entries(volumes).map(
        ([id, hosts]): Write => ({ kind: 'volume', id, value: volumeOf(id, hosts) }),
      ),
      ...Object.entries(machines).map(
        ([id, [host, gib, uses = [], standby = '']]): Write => ({
          kind: 'virtualMachine',
          id,
          value: machineOf(id, host, gib, uses, standby),
        }),
      ),
    ],
    1,
  )
  if (guarantees) {
    const policy = { scope: 'Cluster', name: '', version: 1, weights: {}, guarantees } as const
    state.apply([{ kind: 'policy', id: 'cluster', value: { versions: [policy] } }], 2)
  }
  return state
}

function metaOf(name: string, labels: Readonly<Record<string, string>> = {}): Node['meta'] {
  return { name, uid: `uid-${name}`, labels, generation: 1, resourceVersion: 1, createdAt: 0 }
}

function nodeOf([name, rack, memoryGib, phase = 'Online']: NodeLine): Node {
  const memoryBytes = memoryGib * 2 ** 30
  const size = { cpuMillis: 64_000, memoryBytes, storageBytes: 2 ** 40 }
  return {
    meta: metaOf(name, rack === '' ? {} : { [RACK_LABEL]: rack }),
    spec: { schedulable: true, profile: '' },
    status: {
      ...{
        phase,
        conditions: [],
        capacity: size,
        allocatable: size,
        agentVersion: '',
        address: '',
      },
      ...{ desiredGeneration: 0, appliedGeneration: 0, os: '', simulated: false, bootId: '' },
      capabilities: ['file', 'drbd', 'kvm'],
    },
  }
}

function poolOf(node: string): StoragePool {
  return {
    meta: metaOf('p'),
    spec: { node, kind: 'FILE', path: '/p', overcommitPercent: 100 },
    status: {
      ...{ phase: 'Ready', conditions: [], totalBytes: 2 ** 40, freeBytes: 2 ** 40 },
      ...{ promisedBytes: 0, replicaCount: 0, reflink: false, foreignFiles: [] },
    },
  }
}

function volumeOf(name: string, hosts: readonly string[]): Volume {
  const sizeBytes = 10 * 2 ** 30
  const replicas = hosts.map((host) => {
    const witness = host.startsWith('(')
    return {
      ...{ node: host.replace(/[()]/g, ''), pool: witness ? '' : 'p', phase: 'Ready' as const },
      ...{ role: witness ? ('TieBreaker' as const) : ('Diskful' as const), message: '' },
      ...{ devicePath: '', kernelDevice: '', allocatedBytes: 0, sizeBytes },
      ...(hosts.length > 1 && { drbdMinor: 1000 }),
    }
  })
  const diskful = replicas.filter(({ role }) => role === 'Diskful').length
  return {
    meta: metaOf(name),
    spec: {
      ...{ sizeBytes, storageClass: '', pool: '', replicas: diskful, nodes: [] },
      sourceSnapshot: '',
    },
    status: { phase: 'Ready', conditions: [], replicas, actualSizeBytes: sizeBytes },
  }
}

function machineOf(
  name: string,
  node: string,
  gib: number,
  volumes: readonly string[],
  standbyNode: string,
): VirtualMachine {
  const flavor = flavorOf(name, gib)
  if (flavor.demand.type === 'Volume') throw new Error('a machine is no volume')
  const { compute } = flavor.demand.virtualMachine
  return {
    meta: metaOf(name),
    spec: {
      ...{ runPolicy: 'Always', compute, rules: NO_RULES, disks: [], interfaces: [] },
      ...{ volumeLocality: 'Preferred', evictionPolicy: 'Migrate', priority: 0 },
    },
    status: {
      ...{ phase: 'Running', conditions: [], node, targetNode: '', interfaces: [], standbyNode },
      reserved: {
        ...{ cpuMillis: 250, memoryBytes: compute.memoryBytes, overheadBytes: 0 },
        ...{ hugepageBytes: 0, hugepageSizeBytes: 0, numaNodes: [], devices: [] },
      },
      disks: volumes.map((volume) => ({ name: volume, volume, local: true, message: '' })),
    },
  }
}
