/** Empties a host that is still there: machines migrate, replicas are copied before they go. */
import { type Chooser, createChooser } from '../choose/index.ts'
import type { MachineRequest, PlacedMachine, PlacedVolume, VolumeRequest } from '../fleet/index.ts'
import { hostsWithData, needText } from '../guarantee/index.ts'
import { protect, requestFor } from './heal.ts'
import { addMove, addShortages, close, type Notes, type Play } from './play.ts'
import { createPoolFinder } from './replicas.ts'
import { memoryOf } from './return.ts'

/** What could not leave. */
export interface Remains {
  readonly machines: readonly PlacedMachine[]
  readonly volumes: readonly PlacedVolume[]
}

/** Moves everything away that finds another place, and tells what does not. */
export function emptyHost(play: Play, host: number, notes: Notes): Remains {
  const { fleet } = play
  close(play, host)
  const chooser = createChooser(fleet)
  const machines = [...fleet.machines.values()]
    .filter((machine) => machine.host === host)
    .filter((machine) => machine.pinned || !migrate(play, chooser, machine, notes))
  const volumes = moveReplicas(play, host, notes)
  protect(play)
  return { machines, volumes }
}

/** With its standby if a guarantee asks for one and there is room for both; else without. */
function migrate(play: Play, chooser: Chooser, machine: PlacedMachine, notes: Notes): boolean {
  const { fleet, rules } = play
  const bare = { ...machine, standby: -1 }
  fleet.putMachine(bare)
  const rule = rules.machine(machine.name)
  const alone = loneVolumes(play, machine)
  const request: MachineRequest = {
    ...requestFor(play, bare, rule.hosts),
    volumes: alone.map((volume) => requestOf(play, volume)),
    attached: requestFor(play, withoutVolumes(bare, alone), rule.hosts).attached,
  }
  const choice =
    chooser.choose({ ...request, standby: rule.standby === 'Replica' ? 'Any' : rule.standby }) ??
    chooser.choose(request)
  if (!choice) {
    fleet.putMachine(machine)
    return false
  }
  const after = alone.map((volume, index) => {
    const pool = choice.pools[index]![0]!
    fleet.putVolume({ ...volume, pools: [pool] })
    return addReplicaMove(play, volume, volume.pools[0]!, pool, 'its machine needs it near', notes)
  })
  fleet.putMachine({ ...bare, host: choice.host, standby: choice.standby })
  const { name: toNode } = fleet.hosts[choice.host]!
  addMove(notes, {
    kind: 'Migrate',
    subject: `vm/${machine.name}`,
    fromNode: fleet.hosts[machine.host]!.name,
    toNode,
    copiedBytes: memoryOf(machine),
    reason: `${toNode} takes ${needText(fleet, machine)}`,
    after,
  })
  return true
}

/** Volumes that have to come along: their only replica is on the host their machine leaves. */
function loneVolumes(
  { fleet, rules }: Play,
  { host, name, volumes }: PlacedMachine,
): PlacedVolume[] {
  if (rules.machine(name).locality !== 'Required') return []
  return volumes
    .flatMap((volume) => fleet.volumes.get(volume) ?? [])
    .filter(({ pools }) => pools.length === 1 && fleet.poolHost[pools[0]!] === host)
}

function withoutVolumes(machine: PlacedMachine, left: readonly PlacedVolume[]): PlacedMachine {
  const names = new Set(left.map(({ name }) => name))
  return { ...machine, volumes: machine.volumes.filter((name) => !names.has(name)) }
}

function requestOf({ rules }: Play, { name, sizeBytes }: PlacedVolume): VolumeRequest {
  const { pools, spread } = rules.room(name)
  return { name, sizeBytes, replicas: 1, pools, spread, preference: undefined }
}

function moveReplicas(play: Play, host: number, notes: Notes): PlacedVolume[] {
  const { down, fleet, rules } = play
  const finder = createPoolFinder(fleet)
  const remaining: PlacedVolume[] = []
  let missingBytes = 0
  for (const volume of [...fleet.volumes.values()]) {
    const index = volume.pools.findIndex((pool) => fleet.poolHost[pool] === host)
    if (index < 0) continue
    const rule = rules.votes(volume.name)
    const from = volume.pools[index]!
    const others = volume.pools.filter((pool) => pool !== from).map((pool) => fleet.poolHost[pool]!)
    const readable = hostsWithData(fleet, volume, rule, down).length > 0
    const found =
      volume.pinned || !readable
        ? -1
        : finder.find(volume, rules.room(volume.name), others, rule.witnesses)
    if (found < 0) {
      remaining.push(volume)
      if (!volume.pinned) missingBytes += volume.sizeBytes
      continue
    }
    fleet.putVolume({ ...volume, pools: volume.pools.with(index, found) })
    finder.changed(found)
    addReplicaMove(play, volume, from, found, 'the least full pool its rules allow', notes)
  }
  if (missingBytes > 0)
    addShortages(notes, [{ resource: 'storage_bytes', where: '', missing: missingBytes }])
  return remaining
}

function addReplicaMove(
  { fleet }: Play,
  { name, sizeBytes }: PlacedVolume,
  from: number,
  to: number,
  reason: string,
  notes: Notes,
): number {
  return addMove(notes, {
    kind: 'Replica',
    subject: `volume/${name}`,
    ...{ fromNode: fleet.hosts[fleet.poolHost[from]!]!.name, fromPool: fleet.pools[from]!.name },
    ...{ toNode: fleet.hosts[fleet.poolHost[to]!]!.name, toPool: fleet.pools[to]!.name },
    copiedBytes: sizeBytes,
    reason,
  })
}
