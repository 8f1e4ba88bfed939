/** What must be true of a world that was mended and left alone for a while. */

import { checkInvariants, type StateView } from '@keelson/coordinator/state'
import { isDiskful, type VirtualMachine, type Volume } from '@keelson/shared/model'
import type { Loss } from './faults.ts'
import type { Expectation, Expectations } from './request.ts'
import type { World } from './world.ts'

/** Everything that is not as it must be. */
export function checkWorld(world: World, expectations: Expectations): string[] {
  const term = world.coordinator()?.()
  if (!term) return ['no coordinator serves']
  const { state } = term.pipeline
  const problems: string[] = []
  for (const { rule, subject, message } of checkInvariants(state))
    problems.push(`invariant ${rule} of ${subject}: ${message}`)
  for (const expectation of expectations.values()) {
    const { kind, name } = expectation
    const found = tableOf(state, kind).get(name)
    if (expectation.state === 'deleted') {
      if (found) problems.push(`${kind} ${name} was deleted and is ${found.status.phase}`)
      continue
    }
    if (!found) problems.push(`${kind} ${name} was acknowledged and is not there`)
    else if ('disks' in found.status) problems.push(...checkMachine(found as VirtualMachine))
    else if (found.status.phase !== 'Ready')
      problems.push(`${kind} ${name} is ${found.status.phase}: ${blame(found.status.replicas)}`)
    else if (kind === 'volume')
      problems.push(...checkVolume(found as Volume, expectation.sizeBytes))
  }
  const { snapshots, virtualMachines, volumes } = state
  for (const name of [snapshots, virtualMachines, volumes].flatMap((table) => table.sortedIds()))
    if (!expectations.has(name)) problems.push(`${name} exists, but nobody was told`)
  problems.push(...checkDisks(world))
  for (const operation of state.operations.values())
    if (operation.phase === 'Running')
      problems.push(
        `operation ${operation.meta.name} (${operation.kind} ${operation.subject}) hangs`,
      )
  for (const node of state.nodes.values())
    if (node.status.phase !== 'Online')
      problems.push(`node ${node.meta.name} is ${node.status.phase}`)
  return problems
}

function tableOf(state: StateView, kind: Expectation['kind']) {
  if (kind === 'machine') return state.virtualMachines
  return kind === 'volume' ? state.volumes : state.snapshots
}

/** Every host is there, so a machine is Unknown nowhere. */
function checkMachine({ meta, spec, status }: VirtualMachine): string[] {
  const wanted = spec.runPolicy === 'Halted' ? 'Stopped' : 'Starting'
  return status.phase === wanted ? [] : [`machine ${meta.name} is ${status.phase}, not ${wanted}`]
}

/** What was lost is said to be lost, and nobody took it again from later data. */
export function checkLosses(world: World, losses: readonly Loss[]): string[] {
  const { state } = world.coordinator()!().pipeline
  return losses.flatMap(({ host, uid }) => {
    const problems = host.lostData()
    const name = state.hosts.snapshotByUid(uid)
    const replicas = state.snapshots.get(name ?? '')?.status.replicas ?? []
    const replica = replicas.find(({ node }) => node === host.name)
    if (replica?.phase !== 'Failed' || !replica.message.includes('not taken anew'))
      problems.push(`${host.name} lost snapshot ${name}: ${blame(replica ? [replica] : [])}`)
    if ([...host.disk.pools.values()].some(({ snapshots }) => snapshots.has(uid)))
      problems.push(`${host.name} lost snapshot ${name} and took it again`)
    return problems
  })
}

function blame(replicas: readonly { node: string; phase: string; message: string }[]): string {
  return replicas.map(({ node, phase, message }) => `${node} ${phase} ${message}`).join(', ')
}

function checkVolume(volume: Volume, sizeBytes: number): string[] {
  if (volume.spec.sizeBytes === sizeBytes && volume.status.actualSizeBytes === sizeBytes) return []
  return [
    `volume ${volume.meta.name} has ${volume.status.actualSizeBytes} of ${volume.spec.sizeBytes} bytes, acknowledged were ${sizeBytes}`,
  ]
}

/** The disks hold exactly what the state says, attached, with the data that was written. */
function checkDisks(world: World): string[] {
  const { state } = world.coordinator()!().pipeline
  const problems: string[] = []
  for (const host of world.hosts) {
    const wanted = new Map<string, string>()
    for (const name of state.hosts.volumesOn(host.name)) {
      const volume = state.volumes.get(name)!
      const replica = volume.status.replicas.find(({ node }) => node === host.name)
      if (replica && isDiskful(replica)) wanted.set(volume.meta.uid, name)
    }
    const snapshots = new Set(
      [...state.hosts.snapshotsOn(host.name)].map((name) => state.snapshots.get(name)!.meta.uid),
    )
    for (const pool of host.disk.pools.values()) {
      for (const volume of pool.volumes.values()) {
        if (!wanted.delete(volume.uid))
          problems.push(
            `${host.name} has volume ${volume.name} (${volume.uid}), which nobody knows`,
          )
        else if (!volume.attached) problems.push(`${host.name}: ${volume.name} is not attached`)
      }
      for (const uid of pool.snapshots.keys())
        if (!snapshots.delete(uid)) problems.push(`${host.name} has snapshot ${uid} left over`)
    }
    for (const name of wanted.values()) problems.push(`${host.name} lacks volume ${name}`)
    for (const uid of snapshots) problems.push(`${host.name} lacks snapshot ${uid}`)
    problems.push(...host.lostData())
  }
  return problems
}
