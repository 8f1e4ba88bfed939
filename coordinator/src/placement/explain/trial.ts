/** Trying a change before it is suggested. */
import { formatSize } from '@keelson/shared/model'
import { createChooser } from '../choose/index.ts'
import type { Fleet, PlacedMachine, PlacedVolume, VolumeRequest } from '../fleet/index.ts'
import {
  type CompiledMachine,
  type CompiledVolume,
  compileMachine,
  compileVolume,
} from '../rules/index.ts'
import { demandOfMachine, demandOfVolume, type FleetView } from '../view/index.ts'
import type { Judge } from './judge.ts'

/** How many things are moved away on trial before giving up. */
const MOST_TRIALS = 8

/** A fleet whose choosers keep nothing: a trial is made once. */
function chooserOf(fleet: Fleet, weights: CompiledVolume['policy']['weights']) {
  return createChooser(fleet, weights, { shapes: 0 })
}

/** Whether a volume would find a place. */
export function volumeFits(fleet: Fleet, volume: CompiledVolume, request: VolumeRequest): boolean {
  return chooserOf(fleet, volume.policy.weights).chooseVolume(request, volume.seed) !== null
}

/** Whether a machine would find a place on hosts that are open. */
export function machineFits(fleet: Fleet, machine: CompiledMachine, hosts: Uint8Array): boolean {
  const { policy, request } = machine
  return chooserOf(fleet, policy.weights).choose({ ...request, hosts }) !== null
}

/** A mask with one row opened if that row breaks no other rule; undefined if it does. */
export function opened(mask: Uint8Array, judge: Judge, row: number, step: string) {
  for (let i = 0; i < judge.ruleCount; i++)
    if (judge.steps[i] !== step && judge.reason(row, i) !== null) return undefined
  const open = mask.slice()
  open[row] = 1
  return open
}

/** A volume that could leave the pool and so make room, as a sentence; empty if none would do. */
export function volumeToMove(
  view: FleetView,
  fleet: Fleet,
  volume: CompiledVolume,
  pool: number,
  missingBytes: number,
): string {
  const movable: PlacedVolume[] = []
  for (const placed of fleet.volumes.values())
    if (placed.pools.includes(pool) && !placed.pinned && placed.sizeBytes >= missingBytes)
      movable.push(placed)
  movable.sort((a, b) => a.sizeBytes - b.sizeBytes || (a.name < b.name ? -1 : 1))
  if (movable.length === 0) return ''
  const trial = fleet.clone()
  for (const placed of movable.slice(0, MOST_TRIALS)) {
    const other = otherPool(view, trial, placed, pool)
    if (other < 0) continue
    trial.putVolume({ ...placed, pools: placed.pools.map((row) => (row === pool ? other : row)) })
    const fits = volumeFits(trial, volume, volume.request)
    trial.putVolume(placed)
    if (!fits) continue
    const from = fleet.hosts[fleet.poolHost[pool]!]!.name
    return `moving volume/${placed.name} away from ${from} frees ${formatSize(placed.sizeBytes)}`
  }
  return ''
}

/** Another pool for one replica of a volume, under all its rules; -1 if there is none. */
function otherPool(view: FleetView, fleet: Fleet, placed: PlacedVolume, pool: number): number {
  const record = view.state.volumes.get(placed.name)
  if (!record) return -1
  const { request } = compileVolume(view, record.meta, demandOfVolume(record))
  const { poolCapacity, poolHost, poolPromised } = fleet
  const stay = placed.pools.filter((row) => row !== pool).map((row) => poolHost[row]!)
  for (let row = 0; row < fleet.poolCount; row++) {
    const host = poolHost[row]!
    if (row === pool || request.pools?.[row] === 0 || stay.includes(host)) continue
    if (poolPromised[row]! + placed.sizeBytes > poolCapacity[row]!) continue
    if (keepsSpread(request, [...stay, host])) return row
  }
  return -1
}

function keepsSpread({ spread }: VolumeRequest, hosts: readonly number[]): boolean {
  return spread.every(({ domains, maximumPerDomain, mode }) => {
    if (mode === 'PreferDifferent' || hosts.length < 2) return true
    const counts = new Map<number, number>()
    for (const host of hosts) counts.set(domains[host]!, (counts.get(domains[host]!) ?? 0) + 1)
    if (counts.has(-1)) return false
    return mode === 'Same'
      ? counts.size === 1
      : [...counts.values()].every((count) => count <= maximumPerDomain)
  })
}

/** A machine that could leave the host and so make room, as a sentence; empty if none would do. */
export function machineToMove(
  view: FleetView,
  fleet: Fleet,
  machine: CompiledMachine,
  host: number,
  column: number,
  missing: number,
): string {
  const takes = ({ amounts }: PlacedMachine) =>
    amounts.find((amount) => amount.column === column)?.amount ?? 0
  const movable = [...fleet.machines.values()]
    .filter((placed) => placed.host === host && !placed.pinned && takes(placed) >= missing)
    .sort((a, b) => takes(a) - takes(b) || (a.name < b.name ? -1 : 1))
  if (movable.length === 0) return ''
  const trial = fleet.clone()
  for (const placed of movable.slice(0, MOST_TRIALS)) {
    const other = otherHost(view, trial, machine, placed)
    if (!other) continue
    const { name } = fleet.columns[column]!
    const freed = takes(placed)
    const amount =
      name === 'cpu'
        ? `${freed / 1000} CPUs`
        : name.startsWith('device/')
          ? freed
          : formatSize(freed)
    return `moving vm/${placed.name} away from ${fleet.hosts[host]!.name} frees ${amount}`
  }
  return ''
}

/** Whether a machine finds another host once the new one has taken its place. */
function otherHost(
  view: FleetView,
  trial: Fleet,
  machine: CompiledMachine,
  placed: PlacedMachine,
): boolean {
  const record = view.state.virtualMachines.get(placed.name)
  if (!record) return false
  trial.removeMachine(placed.name)
  const chooser = chooserOf(trial, machine.policy.weights)
  const choice = chooser.choose(machine.request)
  let moved = false
  if (choice) {
    const { amounts, name, volumes } = machine.request
    for (const [index, { name: volume, sizeBytes }] of volumes.entries())
      trial.putVolume({ name: volume, sizeBytes, pools: choice.pools[index]!, pinned: false })
    const own = { name, amounts, volumes: [], pinned: false }
    trial.putMachine({ ...own, host: choice.host, standby: choice.standby })
    const again = compileMachine(view, record.meta, demandOfMachine(record), [])
    const hosts = again.mask.open.slice()
    hosts[placed.host] = 0
    moved = chooser.choose({ ...again.request, hosts }) !== null
    trial.removeMachine(name)
    for (const volume of volumes) trial.removeVolume(volume.name)
  }
  trial.putMachine(placed)
  return moved
}
