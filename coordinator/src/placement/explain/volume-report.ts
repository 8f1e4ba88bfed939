import { formatSize, type PlacementReport } from '@keelson/shared/model'
import type { PlaceOptions } from '../contract.ts'
import type { Fleet, VolumeRequest } from '../fleet/index.ts'
import { type CompiledVolume, volumeContradictions } from '../rules/index.ts'
import type { FleetView } from '../view/index.ts'
import { type Judge, judgeVolume } from './judge.ts'
import { nearby, nearest, type ReportFrame, reportOf } from './report.ts'
import { opened, volumeFits, volumeToMove } from './trial.ts'

/** The report of a volume that went to these pool rows of the fleet, or nowhere. */
export function volumeReport(
  view: FleetView,
  fleet: Fleet,
  volume: CompiledVolume,
  chosen: readonly number[],
  options: PlaceOptions,
  extra: Pick<ReportFrame, 'also' | 'most' | 'remark'> = {},
): PlacementReport {
  const judge = judgeVolume(fleet, volume)
  const { replicas, request, subject, warnings } = volume
  const refused = chosen.length === 0
  const impossible = refused ? volumeContradictions(view, volume) : []
  const contradictions = [...volume.contradictions, ...impossible]
  const frame: ReportFrame = {
    ...extra,
    subject,
    want: `${replicas} × ${formatSize(request.sizeBytes)}`,
    candidates: 'nodes with pools',
    replicasRequested: replicas,
    resourceVersion: view.state.revision,
    chosen,
    contradictions,
    warnings,
    shortage: refused ? shortageOf(view, fleet, volume) : '',
    suggestedFix:
      refused && volume.contradictions.length === 0 ? fixOf(view, fleet, volume, judge) : '',
    ...(refused && volume.guaranteed.length > 0 && { remark: guaranteeText(volume) }),
  }
  return reportOf(judge, frame, options)
}

/** What the hosts that fit are too few for. */
function shortageOf(view: FleetView, fleet: Fleet, { replicas, request }: CompiledVolume): string {
  if (replicas < 2) return ''
  const hosts = new Set<number>()
  for (let row = 0; row < fleet.poolCount; row++) {
    const free = fleet.poolCapacity[row]! - fleet.poolPromised[row]!
    if (request.pools?.[row] !== 0 && free >= request.sizeBytes) hosts.add(fleet.poolHost[row]!)
  }
  for (const { domains, mode } of request.spread) {
    if (mode === 'PreferDifferent') continue
    const counts = new Map<number, number>()
    for (const host of hosts) counts.set(domains[host]!, (counts.get(domains[host]!) ?? 0) + 1)
    const label = labelOf(view, domains)
    if (mode === 'Different')
      return `in ${counts.size} of the ${replicas} domains of ${label} that are needed`
    return `at most ${Math.max(0, ...counts.values())} of them in one domain of ${label}`
  }
  return hosts.size < replicas ? `${replicas} are needed` : ''
}

function labelOf(view: FleetView, domains: Int32Array): string {
  const labels = new Set(view.fleet.hosts.flatMap((host) => Object.keys(host.labels)))
  for (const label of labels)
    if (view.domains(label, true) === domains || view.domains(label, false) === domains)
      return label
  return 'the label'
}

/** What a guarantee asks for that a volume without a place may fail. */
function guaranteeText({ guaranteed, replicas }: CompiledVolume): string {
  const asked = guaranteed.map(({ failureDomain: label, maximumPerDomain: most }) => {
    const domain = label.slice(label.lastIndexOf('/') + 1)
    return `at most ${most} of ${replicas} replicas in one ${domain} (label ${label})`
  })
  return `an enforced guarantee allows ${asked.join(' and ')}`
}

/** The first simple change that helps when tried; empty if none does. */
function fixOf(view: FleetView, fleet: Fleet, volume: CompiledVolume, judge: Judge): string {
  if (judge.rowCount === 0) return 'create a pool: keelson pool create NAME --node NODE …'
  const stages = judge.stages()
  const row = nearest(judge, stages)
  return (
    (row >= 0 && fixOfPool(view, fleet, volume, judge, row, stages[row]!)) ||
    fewerReplicas(fleet, volume)
  )
}

function fixOfPool(
  view: FleetView,
  fleet: Fleet,
  volume: CompiledVolume,
  judge: Judge,
  row: number,
  stage: number,
): string {
  const { mask, request } = volume
  const node = judge.node(row)
  const step = judge.steps[stage]!
  if (step === 'space') return roomFix(view, fleet, volume, judge, row)
  const open = opened(mask.open, judge, row, step)
  if (!open) return ''
  if (step === 'failure-domain') return labelFix(fleet, volume, open, judge, row)
  if (!volumeFits(fleet, volume, { ...request, pools: open })) return ''
  if (step === 'node-schedulable') return `keelson node uncordon ${node}`
  if (step === 'pool-kind') return `allow ${view.pools[row]!.pool.spec.kind} in the class`
  if (step === 'selected-node' || step === 'excluded-node') return `allow node ${node}`
  return step === 'taint' ? `tolerate the taint of node ${node}` : ''
}

/** What makes room in one of the pools that lack least. */
function roomFix(
  view: FleetView,
  fleet: Fleet,
  volume: CompiledVolume,
  judge: Judge,
  row: number,
): string {
  for (const near of nearby(judge, judge.stages(), row)) {
    const move = volumeToMove(view, fleet, volume, near, judge.missing(near))
    if (move !== '') return move
  }
  const trial = fleet.clone()
  trial.setPoolCapacity(row, fleet.poolPromised[row]! + volume.request.sizeBytes)
  if (!volumeFits(trial, volume, volume.request)) return ''
  const missing = formatSize(judge.missing(row))
  return `${missing} more in pool ${judge.node(row)}/${judge.pool(row)} would do`
}

/** A label that puts the host into a domain of its own. */
function labelFix(
  fleet: Fleet,
  volume: CompiledVolume,
  open: Uint8Array,
  judge: Judge,
  row: number,
): string {
  const { request, rules } = volume
  const host = fleet.poolHost[row]!
  const spread = request.spread.map((rule) => {
    if (rule.domains[host]! >= 0) return rule
    const domains = rule.domains.slice()
    domains[host] = domains.reduce((largest, domain) => Math.max(largest, domain), -1) + 1
    return { ...rule, domains }
  })
  const labelled: VolumeRequest = { ...request, pools: open, spread }
  if (!volumeFits(fleet, volume, labelled)) return ''
  const reason = rules.find(({ name }) => name === 'failure-domain')?.check(row) ?? ''
  return `keelson node label ${judge.node(row)} ${reason.slice(reason.lastIndexOf(' ') + 1)}=…`
}

function fewerReplicas(fleet: Fleet, volume: CompiledVolume): string {
  for (let replicas = volume.replicas - 1; replicas > 0; replicas--)
    if (volumeFits(fleet, volume, { ...volume.request, replicas }))
      return `${replicas} replica${replicas > 1 ? 's' : ''} would fit`
  return ''
}
