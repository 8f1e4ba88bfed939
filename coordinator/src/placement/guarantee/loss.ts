/** What becomes of machines and volumes when hosts are lost together. */
import type { Impact, Shortage } from '@keelson/shared/model'
import type { Fleet, PlacedMachine, PlacedVolume } from '../fleet/index.ts'
import { type FoundRoom, findRoom } from './find-room.ts'
import { countedColumns, type Homeless, needsOf } from './refit.ts'
import type { PlacedRules } from './rules.ts'
import { shortagesOf } from './short.ts'
import { hostsWithData, type Survival, survivalOf } from './survival.ts'
import { amountOf, counted } from './words.ts'

/** Hosts that are lost together, with what stands on them. */
export interface Loss {
  /** Such as "rack=a". */
  readonly name: string
  readonly hosts: readonly number[]
  readonly machines: readonly PlacedMachine[]
  /** Those with a replica or a vote on one of the hosts. */
  readonly volumes: readonly PlacedVolume[]
}

/** Whether a loss is survived. */
export interface LossVerdict {
  readonly holds: boolean
  /** Whether no way of placing survives it; if it does not hold otherwise, none was found. */
  readonly impossible: boolean
  /** One sentence with numbers. */
  readonly summary: string
  /** What stops for good, the worst first. */
  readonly breaks: readonly Impact[]
  readonly shortages: readonly Shortage[]
  /** Where each machine would start again, by name. */
  readonly restarts: ReadonlyMap<string, number>
}

/**
 * Judges a loss. Only the losses of volumes with more than one replica count, and only what the
 * hosts that are gone already have not stopped before. `lost` is the mask of all of them.
 */
export function judgeLoss(
  fleet: Fleet,
  rules: PlacedRules,
  loss: Loss,
  lost: Uint8Array = lostWith(fleet, rules, loss.hosts),
): LossVerdict {
  const volumes = judgeVolumes(fleet, rules, loss, lost)
  const machines = sortMachines(fleet, rules, loss, lost)
  const found = findRoom(fleet, machines.homeless, lost)
  const stopped = found.refit.left.map(
    ({ machine }): Impact => ({
      subject: `vm/${machine.name}`,
      kind: 'Stops',
      reason: `no host left has room for its ${needText(fleet, machine)}`,
    }),
  )
  const breaks = [...volumes.breaks, ...machines.cutOff, ...stopped]
  const shortages = found.room ? shortagesOf(fleet, found.room, found.refit.left, '') : []
  const told = { fleet, loss, volumes, machines, found, breaks, shortages }
  return {
    holds: breaks.length === 0,
    impossible: found.proof !== null || volumes.breaks.length > 0,
    summary: breaks.length === 0 ? proofText(told) : breakText(told),
    breaks,
    shortages,
    restarts: found.refit.hosts,
  }
}

/** A mask of these hosts and those that are gone. */
export function lostWith(
  { hostCount }: Fleet,
  { gone }: PlacedRules,
  hosts: readonly number[],
): Uint8Array {
  const lost = new Uint8Array(hostCount)
  if (gone) lost.set(gone)
  for (const host of hosts) lost[host] = 1
  return lost
}

interface VolumeVerdicts {
  readonly breaks: readonly Impact[]
  /** Volumes that go on with fewer replicas. */
  readonly reduced: number
}

function judgeVolumes(
  fleet: Fleet,
  rules: PlacedRules,
  { volumes }: Loss,
  lost: Uint8Array,
): VolumeVerdicts {
  const breaks: Impact[] = []
  let reduced = 0
  for (const volume of volumes) {
    if (volume.pools.length < 2) continue
    const rule = rules.votes(volume.name)
    if (rules.gone && !survivalOf(fleet, volume, rule, rules.gone).usable) continue
    const survival = survivalOf(fleet, volume, rule, lost)
    if (survival.usable) reduced += Number(survival.replicas < volume.pools.length)
    else
      breaks.push({
        subject: `volume/${volume.name}`,
        kind: 'Unavailable',
        reason: lossText(volume, survival),
      })
  }
  return { breaks, reduced }
}

/** What is left of a volume that cannot be used. */
export function lossText({ pools }: PlacedVolume, survival: Survival): string {
  const { allVotes, replicas, upToDate, votes } = survival
  if (replicas === 0)
    return pools.length === 1 ? 'its only replica is lost' : `all ${pools.length} replicas are lost`
  if (upToDate === 0) return `no up-to-date one of its ${pools.length} replicas is left`
  return `${votes} of ${allVotes} votes are left, which is no majority`
}

interface Machines {
  readonly homeless: readonly Homeless[]
  /** Machines that need a replicated volume that is lost, too. */
  readonly cutOff: readonly Impact[]
  /** How many nothing is promised to: no guarantee covers them or their only replica is lost. */
  readonly uncovered: number
}

function sortMachines(
  fleet: Fleet,
  rules: PlacedRules,
  { machines }: Loss,
  lost: Uint8Array,
): Machines {
  const columns = countedColumns(fleet)
  const homeless: Homeless[] = []
  const cutOff: Impact[] = []
  let uncovered = 0
  for (const machine of machines) {
    if (rules.gone?.[machine.host] === 1) continue
    const rule = rules.machine(machine.name)
    const volumes = machine.volumes.flatMap((name) => fleet.volumes.get(name) ?? [])
    const gone = volumes.filter(
      (volume) => !survivalOf(fleet, volume, rules.votes(volume.name), lost).usable,
    )
    const free = rule.standby === 'None' || machine.pinned
    if (free || gone.some(({ pools }) => pools.length < 2)) uncovered++
    else if (gone.length > 0)
      cutOff.push({
        subject: `vm/${machine.name}`,
        kind: 'Stops',
        reason: `it needs volume/${gone[0]!.name}, which cannot be used`,
      })
    else
      homeless.push({
        machine,
        needs: needsOf(machine, columns),
        near: nearOf(fleet, rules, machine, lost),
        mask: rule.hosts,
        priority: rule.priority,
      })
  }
  return { homeless, cutOff, uncovered }
}

/** The hosts left with the data of all its volumes, if it has to be there; else undefined. */
export function nearOf(
  fleet: Fleet,
  rules: PlacedRules,
  { name, volumes }: PlacedMachine,
  lost: Uint8Array,
): number[] | undefined {
  if (rules.machine(name).locality !== 'Required') return undefined
  const known = volumes.flatMap((volume) => fleet.volumes.get(volume) ?? [])
  if (known.length === 0) return undefined
  const [first, ...others] = known.map((volume) =>
    hostsWithData(fleet, volume, rules.votes(volume.name), lost),
  )
  return first!.filter((host) => others.every((rows) => rows.includes(host)))
}

interface Told {
  readonly fleet: Fleet
  readonly loss: Loss
  readonly volumes: VolumeVerdicts
  readonly machines: Machines
  readonly found: FoundRoom
  readonly breaks: readonly Impact[]
  readonly shortages: readonly Shortage[]
}

function proofText({ fleet, found, loss, machines, volumes }: Told): string {
  const parts: string[] = []
  const { size } = found.refit.hosts
  if (size > 0)
    parts.push(
      `${size === 1 ? '1 machine starts' : `all ${size} machines start`} again, ${tightest(fleet, found)}`,
    )
  if (volumes.reduced > 0)
    parts.push(`${counted(volumes.reduced, 'volume')} keep data and quorum with fewer replicas`)
  if (machines.uncovered > 0)
    parts.push(`${counted(machines.uncovered, 'machine')} without a guarantee stop`)
  return `${loss.name}: ${parts.length === 0 ? 'nothing is lost with it' : parts.join('; ')}`
}

/** The host that has the smallest share left, of those that take something. */
function tightest(fleet: Fleet, { free, refit: { hosts } }: FoundRoom): string {
  const columns = countedColumns(fleet)
  let best = { host: -1, index: 0, share: Infinity }
  for (const host of new Set(hosts.values()))
    for (const [index, column] of columns.entries()) {
      const capacity = fleet.columns[column]!.capacity[host]!
      const share = capacity > 0 ? free(host, index) / capacity : Infinity
      if (share < best.share) best = { host, index, share }
    }
  if (best.host < 0) return 'with room to spare'
  const { name } = fleet.columns[columns[best.index]!]!
  const spare = amountOf(name, Math.max(0, free(best.host, best.index)))
  return `the fullest host ${fleet.hosts[best.host]!.name} with ${spare} to spare`
}

function breakText({ breaks, found, loss, machines, shortages, volumes }: Told): string {
  const parts: string[] = []
  const { left } = found.refit
  if (left.length > 0) {
    const all = machines.homeless.length
    const short = shortages.map(({ missing, resource }) => missingText(resource, missing))
    const lack = short.length > 0 ? `: ${short.join(' and ')} short` : ''
    const proof = found.proof ? `proven, ${found.proof}` : 'not proven, but no way was found'
    const find = all === 1 ? 'finds' : 'find'
    parts.push(`${left.length} of ${counted(all, 'machine')} ${find} no room${lack} (${proof})`)
  }
  if (machines.cutOff.length > 0)
    parts.push(`${counted(machines.cutOff.length, 'machine')} lose their volumes`)
  if (volumes.breaks.length > 0)
    parts.push(`${counted(volumes.breaks.length, 'replicated volume')} cannot be used`)
  return `${loss.name}: ${parts.join('; ') || counted(breaks.length, 'break')}`
}

/** A shortage with its unit. */
export function missingText(resource: string, missing: number): string {
  if (resource === 'memory_bytes') return amountOf('memory', missing)
  if (resource === 'cpu_millis') return amountOf('cpu', missing)
  if (resource === 'hugepage_bytes') return amountOf('hugepages', missing)
  if (resource === 'storage_bytes')
    return `${amountOf('memory', missing).replace('memory', 'space')}`
  return amountOf(resource, missing)
}

/** What a machine needs, in words. */
export function needText({ columns }: Fleet, { amounts }: PlacedMachine): string {
  return amounts
    .filter(({ amount }) => amount > 0)
    .map(({ amount, column }) => amountOf(columns[column]!.name, amount))
    .join(' and ')
}
