/** The cluster's records as a world to play in. */
import type { Flavor, Node, PlacementPolicy, VirtualMachine, Volume } from '@keelson/shared/model'
import { policyId, poolId, type StateView } from '../../state/index.ts'
import { machineReport, volumeReport } from '../explain/index.ts'
import type { MachineRules, PlacedRules, VolumeRoom, VolumeVotes } from '../guarantee/index.ts'
import { newestPolicy } from '../policy/index.ts'
import { compileMachine, compileVolume } from '../rules/index.ts'
import { createFleetView, demandOfMachine, demandOfVolume, type FleetView } from '../view/index.ts'
import { type Overlay, overlayState } from './overlay.ts'
import { newHosts } from './profiles.ts'
import type { Wanted, World, WorldChange } from './world.ts'

/** The world of a view. The rules of what stands are read when they are asked for, then kept. */
export function worldOfView(view: FleetView): World {
  return {
    fleet: view.fleet,
    rules: placedRules(view),
    guarantees: view.policy({}).guarantees,
    compile: (flavor, name) => compileFlavor(view, flavor, name),
    change: (change) => worldOfView(createFleetView(changed(view.state, change))),
  }
}

function changed(state: StateView, change: WorldChange): StateView {
  switch (change.type) {
    case 'AddNodes':
      return overlayState(state, newHosts(state, change))
    case 'ReturnNode': {
      const node = state.nodes.get(change.node)!
      const online: Node = { ...node, status: { ...node.status, phase: 'Online' } }
      return overlayState(state, { nodes: new Map([[change.node, online]]) })
    }
    case 'SetPolicy':
      return overlayState(state, policyOverlay(state, change.policy))
  }
}

function policyOverlay(state: StateView, policy: PlacementPolicy): Overlay {
  const { name, scope } = policy
  const version = (newestPolicy(state, scope, name)?.version ?? 0) + 1
  return { policies: new Map([[policyId(scope, name), { versions: [{ ...policy, version }] }]]) }
}

/** The rules of everything that stands; what depends on neighbours is as it is in the state. */
export function placedRules(view: FleetView): PlacedRules {
  const { fleet, nodes, state } = view
  const machines = new Map<string, MachineRules>()
  const votes = new Map<string, VolumeVotes>()
  const machineMasks = createMaskShare()
  const volumeMasks = createMaskShare()
  return {
    gone: Uint8Array.from(fleet.hosts, (_, row) => Number(nodes[row]?.status.phase !== 'Online')),
    machine(name) {
      const record = state.virtualMachines.get(name)
      const rules = machines.get(name) ?? (record ? machineRules(view, record, machineMasks) : NONE)
      machines.set(name, rules)
      return rules
    },
    votes(name) {
      const known = votes.get(name) ?? votesOf(view, state.volumes.get(name))
      votes.set(name, known)
      return known
    },
    room: (name) => roomOf(view, state.volumes.get(name), volumeMasks),
    votesOn: (host) => state.hosts.volumesOn(fleet.hosts[host]!.name),
  }
}

/** Room that is taken on a host for something that comes or goes; nothing is promised to it. */
const NONE: MachineRules = { hosts: undefined, locality: 'Ignored', standby: 'None', priority: 0 }

/** Compiles once for all that ask for the same. */
type MaskShare = <T>(key: string, compile: () => T) => T

function createMaskShare(): MaskShare {
  const known = new Map<string, unknown>()
  return <T>(key: string, compile: () => T) => {
    if (!known.has(key)) known.set(key, compile())
    return known.get(key) as T
  }
}

function machineRules(view: FleetView, record: VirtualMachine, share: MaskShare): MachineRules {
  const { fleet, state } = view
  const { meta, spec, status } = record
  const { labels, name, uid } = meta
  const isLone = (volume: string) => (fleet.volumes.get(volume)?.pools.length ?? 2) < 2
  const volumes = status.disks.map(({ volume }) => volume)
  const lone = volumes.some(isLone)
  // What has one replica is only where its data is: that is a matter of locality, not of the mask.
  const reached = volumes.filter((volume) => !isLone(volume))
  const replicated = reached.every((volume) =>
    state.volumes.get(volume)?.status.replicas.some(({ drbdMinor }) => drbdMinor !== undefined),
  )
  const own = view.bound.has(`vm/${name}`) || spec.compute.numaPolicy !== 'Any' || !replicated
  const networks = spec.interfaces.map(({ network }) => network)
  const alike = [spec.compute, spec.rules, networks, meta.tenant, reached.length > 0]
  const kept = fleet.columns.some(({ standby }) => standby !== undefined)
  return {
    get hosts() {
      return share(own ? name : JSON.stringify(alike), () => {
        const demand = { ...demandOfMachine(record), volumes: reached }
        return compileMachine(view, { name, uid, labels }, demand, []).request.hosts
      })
    },
    locality: lone ? 'Required' : spec.volumeLocality,
    // A machine on a volume with one replica stops with it, whatever room is kept.
    standby: lone ? 'None' : kept && spec.volumeLocality === 'Required' ? 'Replica' : 'Any',
    priority: spec.priority,
  }
}

const NO_VOTES: readonly number[] = []

function votesOf(view: FleetView, record: Volume | undefined): VolumeVotes {
  let witnesses = NO_VOTES
  let stale = NO_VOTES
  for (const { node, phase, pool, role } of record?.status.replicas ?? []) {
    const host = view.fleet.hostRow(node)
    if (role === 'TieBreaker' && host >= 0) witnesses = [...witnesses, host]
    // Of a host that is away nobody knows; whether it is away is asked elsewhere.
    if (role !== 'Diskful' || phase === 'Ready' || phase === 'Unknown') continue
    const row = view.poolRow(poolId(node, pool))
    if (row >= 0) stale = [...stale, row]
  }
  return { witnesses, stale }
}

function roomOf(view: FleetView, record: Volume | undefined, share: MaskShare): VolumeRoom {
  if (!record) return { pools: undefined, spread: [] }
  const { labels, name, uid } = record.meta
  const demand = demandOfVolume(record)
  const own = view.bound.has(`volume/${name}`)
  const key = own ? `volume/${name}` : JSON.stringify({ ...demand, sizeBytes: 0 })
  return share(key, () => compileVolume(view, { name, uid, labels }, demand).request)
}

const BRIEF = { explain: false }

/** One thing of a flavor under this name. Raises what `compileMachine` raises. */
export function compileFlavor(view: FleetView, { demand }: Flavor, name: string): Wanted {
  const subject = { name, uid: name }
  if (demand.type === 'Volume') {
    const volume = compileVolume(view, subject, demand.volume)
    return {
      type: 'Volume',
      possible: volume.contradictions.length === 0,
      request: volume.request,
      seed: volume.seed,
      report: (fleet, choice) => volumeReport(view, fleet, volume, choice?.pools[0] ?? [], BRIEF),
    }
  }
  const { compute, newVolumes } = demand.virtualMachine
  const names = newVolumes.map((_, index) => `${name}-${index}`)
  const machine = compileMachine(view, subject, demand.virtualMachine, names)
  return {
    type: 'Machine',
    possible: machine.contradictions.length === 0,
    request: machine.request,
    report: (fleet, choice) => machineReport(view, fleet, machine, compute, choice, BRIEF),
  }
}
