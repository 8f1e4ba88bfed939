import {
  type GuaranteeMode,
  REPLICATION_CAPABILITY,
  type VirtualMachineDemand,
} from '@keelson/shared/model'
import type { Subject } from '../contract.ts'
import type { MachineRequest, NumaRequest } from '../fleet/index.ts'
import { guaranteedLabels } from '../policy/index.ts'
import {
  amountsOf,
  cpuMillis,
  type FleetView,
  overheadBytes,
  type Rule,
  reservationFor,
} from '../view/index.ts'
import { compileVolume } from './compile-volume.ts'
import {
  type CompiledMachine,
  type CompiledVolume,
  type CompileOptions,
  maskOf,
  seedOf,
  weighPreferences,
} from './compiled.ts'
import { ruleContradictions } from './contradictions.ts'
import { type Preference, taintPreferences } from './host-rules.ts'
import { movingMachineRules, standingMachineRules } from './machine-rules.ts'
import { neighbourRules, type PlacedThing } from './neighbours.ts'

/** The rules about hosts for a machine, in the order they are checked. */
export interface MachineRules {
  /** Those that depend on the host alone. */
  readonly standing: readonly Rule[]
  /** Those that depend on what stands where. */
  readonly moving: readonly Rule[]
  readonly preferences: readonly Preference[]
}

/** The rules of a machine without looking at any host. Raises what `compileVolume` raises. */
export function machineRules(
  view: FleetView,
  subject: Subject,
  demand: VirtualMachineDemand,
  others: readonly PlacedThing[] = [],
): MachineRules {
  const { cpuOvercommitPercent, missingLabelAction } = view.policy(demand)
  const { labels = {}, name } = subject
  const { rules: own, tenant } = demand
  const newcomer = { kind: 'VirtualMachine', name, tenant, labels, rules: own } as const
  const neighbours = neighbourRules(view, newcomer, missingLabelAction === 'Warn', others)
  return {
    standing: standingMachineRules(view, demand),
    moving: [
      ...movingMachineRules(view, name, demand, cpuOvercommitPercent, others),
      ...neighbours.rules,
    ],
    preferences: [...taintPreferences(view, own.tolerations), ...neighbours.preferences],
  }
}

/**
 * Turns a demand into masks and numbers. `newVolumes` are names in the order of
 * `demand.newVolumes`. Raises what `compileVolume` raises.
 */
export function compileMachine(
  view: FleetView,
  subject: Subject,
  demand: VirtualMachineDemand,
  newVolumes: readonly string[],
  options: CompileOptions = {},
): CompiledMachine {
  const { others = [] } = options
  const { fleet } = view
  const policy = view.policy(demand)
  const { name, uid } = subject
  const { compute, rules: own } = demand
  const rules = machineRules(view, subject, demand, others)
  const { cpuOvercommitPercent } = policy
  const { amounts, missing } = amountsOf(
    fleet,
    compute,
    reservationFor(compute, cpuOvercommitPercent),
  )
  const volumes = demand.newVolumes.map((volume, index) =>
    compileVolume(view, { name: newVolumes[index] ?? `${name}-${index}`, uid }, volume, options),
  )
  const replicated = volumes.some(({ replicas }) => replicas > 1)
  const standing = [
    ...rules.standing,
    ...missing.map(unknownResource),
    ...(replicated ? [reachesReplicated(view)] : []),
  ]
  const key = JSON.stringify([compute, own, demand.networks, replicated])
  const mask = maskOf(view.hostMasks, key, standing, rules.moving, fleet.hostCount)
  const data = dataRules(view, demand, volumes, policy.weights.locality ?? 1)
  const preferences = weighPreferences([...rules.preferences, ...data.preferences], fleet.hostCount)
  const seed = seedOf(uid) % Math.max(1, fleet.hostCount)
  const request: MachineRequest = {
    name,
    amounts,
    hosts: mask.open,
    volumes: volumes.map((volume) => volume.request),
    attached: data.attached,
    locality: data.locality,
    standby: standbyMode(view, demand, volumes),
    numa: numaRequest(compute, cpuOvercommitPercent),
    preference: preferences?.byHost,
    seed,
  }
  return {
    subject: `vm/${name}`,
    policy,
    rules: [...standing, ...rules.moving],
    mask,
    contradictions: [
      ...ruleContradictions(own),
      ...volumes.flatMap(({ contradictions }) => contradictions),
    ],
    warnings: volumes.flatMap(({ warnings }) => warnings),
    preferences,
    request,
    volumes,
    attached: demand.volumes,
  }
}

/** Replicated volumes are reached through DRBD, with or without a copy on the host. */
function reachesReplicated({ nodes }: FleetView): Rule {
  return {
    name: 'volume-reach',
    check: (host) =>
      nodes[host]?.status.capabilities.includes(REPLICATION_CAPABILITY)
        ? null
        : 'node cannot reach replicated volumes (no DRBD)',
  }
}

/** A resource that no host has. */
function unknownResource(column: string): Rule {
  const what = column.startsWith('device/') ? column.slice('device/'.length) : column
  return { name: column, check: () => `no node has any ${what} for machines` }
}

/** How a machine stands to the data of its volumes. */
interface DataRules {
  readonly attached: readonly (readonly number[])[]
  readonly locality: MachineRequest['locality']
  readonly preferences: readonly Preference[]
}

/**
 * A new volume in one copy is not replicated, so its machine has to be where it is, whatever the
 * demand says. What the demand only prefers of other volumes then becomes a preference of hosts.
 */
function dataRules(
  view: FleetView,
  { volumeLocality, volumes: names }: VirtualMachineDemand,
  newVolumes: readonly CompiledVolume[],
  weight: number,
): DataRules {
  const attached = names.map((volume) => upToDateHosts(view, volume))
  const single = newVolumes.some(({ replicas }) => replicas === 1)
  if (!single || volumeLocality === 'Required')
    return { attached, locality: volumeLocality, preferences: [] }
  const near = volumeLocality === 'Preferred' ? attached : []
  const preferences = near.map((rows) => ({
    weight,
    keeps: (host: number) => rows.includes(host),
  }))
  return { attached: [], locality: 'Required', preferences }
}

/** Rows of the hosts where the data of a volume is complete. */
function upToDateHosts({ fleet, state }: FleetView, volume: string): number[] {
  const replicas = state.volumes.get(volume)?.status.replicas ?? []
  return replicas.flatMap(({ node, phase, role }) => {
    const host = fleet.hostRow(node)
    return role === 'Diskful' && phase === 'Ready' && host >= 0 ? [host] : []
  })
}

/**
 * Room is kept where a guarantee of its owner or of the cluster has this mode; beside the data if
 * the machine has to be there. None helps a machine that stays whatever happens, or whose data is
 * in one place. `newVolumes` are those of the demand.
 */
export function standbyMode(
  view: FleetView,
  demand: VirtualMachineDemand,
  newVolumes: readonly Pick<CompiledVolume, 'replicas'>[],
  mode: GuaranteeMode = 'Enforce',
): MachineRequest['standby'] {
  const asked = guaranteedLabels(view.policy(demand), mode).length > 0
  if (demand.rules.pinned || !asked) return 'None'
  const lone = (volume: string) => (view.fleet.volumes.get(volume)?.pools.length ?? 2) < 2
  if (newVolumes.some(({ replicas }) => replicas < 2) || demand.volumes.some(lone)) return 'None'
  return demand.volumeLocality === 'Required' ? 'Replica' : 'Any'
}

function numaRequest(
  compute: VirtualMachineDemand['compute'],
  overcommitPercent: number,
): NumaRequest | undefined {
  const { hugepageSizeBytes: pageBytes, numaPolicy } = compute
  if (numaPolicy === 'Any') return undefined
  return {
    policy: numaPolicy,
    cpuMillis: cpuMillis(compute, overcommitPercent),
    memoryBytes: compute.memoryBytes + (pageBytes > 0 ? 0 : overheadBytes(compute)),
    pageBytes,
  }
}
