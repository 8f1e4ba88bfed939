import { formatSize, type PlacementReport } from '@keelson/shared/model'
import { createChooser } from '../choose/index.ts'
import type { PlaceOptions } from '../contract.ts'
import type { Choice, Fleet } from '../fleet/index.ts'
import type { CompiledMachine } from '../rules/index.ts'
import type { FleetView } from '../view/index.ts'
import { type Judge, judgeMachine } from './judge.ts'
import { MOST_VERDICTS, nearby, nearest, type ReportFrame, reportOf } from './report.ts'
import { machineFits, machineToMove, opened } from './trial.ts'
import { volumeReport } from './volume-report.ts'

/** What a machine asks for, in words: "4 vCPUs, 16 GiB". */
export interface MachineWords {
  readonly vcpus: number
  readonly memoryBytes: number
}

/** What the report of a machine says besides. */
export interface MachineExtra extends Pick<ReportFrame, 'also' | 'remark'> {
  /** For each new volume a sentence after its summary. */
  readonly ofVolumes?: readonly string[]
}

/** The report of a machine with its new volumes that went to these places, or nowhere. */
export function machineReport(
  view: FleetView,
  fleet: Fleet,
  machine: CompiledMachine,
  { memoryBytes, vcpus }: MachineWords,
  choice: Choice | null,
  options: PlaceOptions,
  { ofVolumes = [], ...extra }: MachineExtra = {},
): PlacementReport {
  const judge = judgeMachine(fleet, machine)
  const { contradictions, subject, volumes, warnings } = machine
  const most = Math.floor(MOST_VERDICTS / (1 + volumes.length))
  const parts = volumes.map((volume, index) => {
    // Of a machine without a place it is told where each volume would go by itself.
    const rows = choice
      ? choice.pools[index]!
      : createChooser(fleet, volume.policy.weights).chooseVolume(volume.request, volume.seed)
    const remark = choice ? ofVolumes[index] : undefined
    return volumeReport(view, fleet, volume, rows ?? [], options, { most, remark })
  })
  const frame: ReportFrame = {
    ...extra,
    subject,
    want: `${vcpus} vCPU${vcpus > 1 ? 's' : ''}, ${formatSize(memoryBytes)}`,
    candidates: 'nodes',
    replicasRequested: 0,
    resourceVersion: view.state.revision,
    chosen: choice ? [choice.host] : [],
    contradictions: [...contradictions, ...homelessOf(parts)],
    warnings,
    shortage:
      volumes.length > 0 ? 'but not together with its volumes' : 'but nowhere with a standby',
    suggestedFix: choice || contradictions.length > 0 ? '' : fixOf(view, fleet, machine, judge),
    parts,
  }
  return reportOf(judge, frame, options)
}

/** New volumes for which there is no place even alone, few of them in sentences. */
function homelessOf(parts: readonly PlacementReport[]): string[] {
  const homeless = parts.filter(({ placeable }) => !placeable)
  const told = homeless.slice(0, 3).map(({ subject, summary }) => `${subject}: ${summary}`)
  const more = homeless.length - told.length
  return more > 0 ? [...told, `and ${more} more volumes`] : told
}

/** A simple change that helps when tried; empty if there is none. */
function fixOf(view: FleetView, fleet: Fleet, machine: CompiledMachine, judge: Judge): string {
  const stages = judge.stages()
  const row = nearest(judge, stages)
  if (row < 0) return ''
  const step = judge.steps[stages[row]!]!
  const node = judge.node(row)
  const column = fleet.columnRow(step)
  if (column >= 0 && stages[row]! >= judge.ruleCount) {
    for (const near of nearby(judge, stages, row)) {
      const move = machineToMove(view, fleet, machine, near, column, judge.missing(near))
      if (move !== '') return move
    }
    return ''
  }
  const open = opened(machine.mask.open, judge, row, step)
  if (!open || !machineFits(fleet, machine, open)) return ''
  if (step === 'node-schedulable') return `keelson node uncordon ${node}`
  if (step === 'selected-node' || step === 'excluded-node') return `allow node ${node}`
  return step === 'taint' ? `tolerate the taint of node ${node}` : ''
}
