/** Every kind of step: what it does to a play, and what is told about it. */
import { KeelsonError } from '@keelson/shared/errors'
import type { Flavor, PlacementPolicy, PlacementReport, WhatIfStep } from '@keelson/shared/model'
import { applyChoice, type Chooser, createChooser } from '../choose/index.ts'
import type { Choice, PlacedVolume } from '../fleet/index.ts'
import { assignStandbys, counted, domainName, survivalOf } from '../guarantee/index.ts'
import { emptyHost, type Remains } from './empty.ts'
import { affectedBy, heal } from './heal.ts'
import { close, fail, moveTo, type Notes, type Play } from './play.ts'
import { retry, returnHost } from './return.ts'
import type { Wanted } from './world.ts'

/** What a step tells besides its notes. */
export interface Outcome {
  /** What happened, without what follows from the notes; empty says nothing more. */
  readonly headline: string
  readonly report?: PlacementReport
}

/** Plays one step; raises what is wrong with it. */
export function playStep(play: Play, step: WhatIfStep, notes: Notes): Outcome {
  switch (step.type) {
    case 'FailNode':
      return failHosts(play, [rowOf(play, step.node)], step.node, notes)
    case 'FailDomain': {
      const { label, value } = step.domain
      const rows = rowsWith(play, label, value)
      return failHosts(
        play,
        rows,
        `${domainName(label, value)} (${counted(rows.length, 'host')})`,
        notes,
      )
    }
    case 'ReturnNode':
      rowOf(play, step.node)
      returnHost(play, step.node, notes)
      return { headline: `${step.node} comes back` }
    case 'DrainNode':
      return drain(play, step.node, notes)
    case 'RemoveNode':
      return remove(play, step.node, notes)
    case 'AddNodes':
      return addNodes(play, step, notes)
    case 'Place':
      return place(play, step.flavor, step.count)
    case 'SetPolicy':
      return setPolicy(play, step.policy)
  }
}

/** Row of a host; NOT_FOUND if there is none. */
function rowOf({ fleet, removed }: Play, node: string): number {
  const row = fleet.hostRow(node)
  if (row < 0 || removed[row] === 1) throw new KeelsonError('NOT_FOUND', `node "${node}" not found`)
  return row
}

function rowsWith({ fleet, removed }: Play, label: string, value: string): number[] {
  const rows = fleet.hosts.flatMap(({ labels }, row) =>
    removed[row] !== 1 && labels[label] === value ? [row] : [],
  )
  if (rows.length > 0) return rows
  throw new KeelsonError('NOT_FOUND', `no node has the label ${label}=${value}`)
}

function failHosts(play: Play, rows: readonly number[], name: string, notes: Notes): Outcome {
  const failing = rows.filter((row) => play.down[row] !== 1)
  if (failing.length === 0)
    throw new KeelsonError('FAILED_PRECONDITION', `${name} has failed already`)
  const mask = new Uint8Array(play.fleet.hostCount)
  for (const row of failing) {
    mask[row] = 1
    fail(play, row)
  }
  heal(play, affectedBy(play, mask), notes)
  return { headline: `${name} fails` }
}

function drain(play: Play, node: string, notes: Notes): Outcome {
  const host = rowOf(play, node)
  if (play.down[host] === 1)
    throw new KeelsonError('FAILED_PRECONDITION', `node "${node}" has failed: remove or return it`)
  const remains = emptyHost(play, host, notes)
  return { headline: `${node} is emptied${staysText(remains)}` }
}

function staysText({ machines, volumes }: Remains): string {
  const parts = [
    ...(machines.length > 0 ? [counted(machines.length, 'machine')] : []),
    ...(volumes.length > 0 ? [counted(volumes.length, 'replica')] : []),
  ]
  return parts.length > 0 ? `, but ${parts.join(' and ')} find no other place and stay` : ''
}

function remove(play: Play, node: string, notes: Notes): Outcome {
  const host = rowOf(play, node)
  const failed = play.down[host] === 1
  const remains = failed ? standingOn(play, host) : emptyHost(play, host, notes)
  close(play, host)
  fail(play, host)
  play.removed[host] = 1
  for (const volume of remains.volumes) leaveBehind(play, volume, notes)
  for (const machine of remains.machines) {
    if (play.stopped.has(machine.name)) continue
    play.stopped.add(machine.name)
    const reason = machine.pinned ? 'it is pinned to the host' : 'no other host has room for it'
    notes.impacts.push({ subject: `vm/${machine.name}`, kind: 'Stops', reason })
  }
  return { headline: `${node} is taken away${failed ? ' after it failed' : ''}` }
}

function standingOn(play: Play, host: number): Remains {
  const mask = new Uint8Array(play.fleet.hostCount)
  mask[host] = 1
  const { machines, volumes } = affectedBy(play, mask)
  const { fleet } = play
  return {
    machines,
    volumes: volumes.filter(({ pools }) => pools.some((pool) => fleet.poolHost[pool] === host)),
  }
}

/** What becomes of a volume whose replica goes with its host for good. */
function leaveBehind(play: Play, volume: PlacedVolume, notes: Notes): void {
  const { down, fleet, removed, rules } = play
  const rule = rules.votes(volume.name)
  const subject = `volume/${volume.name}`
  const all = volume.pools.length
  if (survivalOf(fleet, volume, rule, removed).upToDate === 0) {
    const reason = all === 1 ? 'its only replica goes' : `the last of its ${all} replicas goes`
    notes.impacts.push({ subject, kind: 'DataLost', reason })
    return
  }
  const { replicas, usable } = survivalOf(fleet, volume, rule, down)
  const reason = `${replicas} of ${all} replicas are left, and there is no room for another`
  notes.impacts.push({ subject, kind: usable ? 'RedundancyLost' : 'Unavailable', reason })
}

function addNodes(
  play: Play,
  { count, labels, profile }: Extract<WhatIfStep, { type: 'AddNodes' }>,
  notes: Notes,
): Outcome {
  const stem = profile.replace(/^like:/, '')
  const names = Array.from({ length: count }, () => {
    let name: string
    do name = nextName(play, `${stem}-new`)
    while (play.fleet.hostRow(name) >= 0)
    return name
  })
  moveTo(play, play.world.change({ type: 'AddNodes', names, profile, labels }))
  retry(play, notes)
  const what = profile.startsWith('like:') ? `like ${stem}` : stem
  const more = count > 4 ? ', …' : ''
  const headline = `${counted(count, 'host')} ${what} added: ${names.slice(0, 4).join(', ')}${more}`
  return { headline }
}

function nextName({ counts }: Play, stem: string): string {
  const number = (counts.get(stem) ?? 0) + 1
  counts.set(stem, number)
  return `${stem}-${number}`
}

function place(play: Play, flavor: Flavor, count: number): Outcome {
  const { fleet, world } = play
  const chooser = createChooser(fleet)
  let placed = 0
  let report: PlacementReport | undefined
  while (placed < count && report?.placeable !== false) {
    const wanted = world.compile(flavor, nextName(play, flavor.name))
    const choice = choose(chooser, wanted)
    if (!choice || placed === count - 1) report = wanted.report(fleet, choice)
    if (!choice) break
    if (wanted.type === 'Machine') applyChoice(fleet, wanted.request, choice)
    else {
      const { name, sizeBytes } = wanted.request
      fleet.putVolume({ name, sizeBytes, pools: choice.pools[0]!, pinned: false })
    }
    placed++
  }
  const all = placed === count ? `${placed}` : `${placed} of ${count}`
  const why = report && !report.placeable ? `: ${report.closestMiss || report.summary}` : ''
  return { headline: `${all} × ${flavor.name} placed${why}`, ...(report && { report }) }
}

function choose(chooser: Chooser, wanted: Wanted): Choice | null {
  if (!wanted.possible) return null
  if (wanted.type === 'Machine') return chooser.choose(wanted.request)
  const pools = chooser.chooseVolume(wanted.request, wanted.seed)
  return pools && { host: -1, standby: -1, pools: [pools], cost: 0 }
}

function setPolicy(play: Play, policy: PlacementPolicy): Outcome {
  moveTo(play, play.world.change({ type: 'SetPolicy', policy }))
  const { fleet, rules } = play
  const scope = policy.scope === 'Cluster' ? 'the cluster' : policy.name
  const kept = fleet.columns.some(({ standby }) => standby)
  const { assigned, impossible } = kept
    ? assignStandbys(fleet, rules)
    : { assigned: [], impossible: [] }
  for (const { machine, standby } of assigned)
    fleet.putMachine({ ...fleet.machines.get(machine)!, standby })
  const parts = [`policy of ${scope} replaced`]
  if (assigned.length > 0)
    parts.push(`${counted(assigned.length, 'machine gets', 'machines get')} a standby`)
  if (impossible.length > 0)
    parts.push(`${counted(impossible.length, 'machine finds', 'machines find')} none`)
  return { headline: parts.join(', ') }
}
