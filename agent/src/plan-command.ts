/** `keelson-agent plan`: what the agent would do now and why, from its ledger and its disks. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createLocalRunner } from '@keelson/shared/exec'
import type { DesiredState } from '@keelson/shared/model'
import { formatSize } from '@keelson/shared/model'
import { systemClock } from '@keelson/shared/runtime'
import { REAL_ABILITIES } from './agent/index.ts'
import type { PlanOptions } from './config/index.ts'
import { readLedgerFile } from './ledger/index.ts'
import { configOf, createSurvey, type Plan, plan, type Step, stepsOf } from './reconcile/index.ts'
import { createFileDriver } from './storage/index.ts'

/** Prints the plan; changes nothing. Raises what reading the ledger raises. */
export async function runPlanCommand(
  options: PlanOptions,
  print: (text: string) => void,
): Promise<void> {
  const { dataDirectory, deviceDirectory } = options
  const reading = await readLedgerFile(join(dataDirectory, 'ledger.json'))
  if (reading.kind === 'Missing')
    return print(`${dataDirectory} has no desired document: nothing would be touched\n`)
  if (reading.kind === 'Damaged')
    return print(`the ledger is damaged (${reading.problem}): nothing would be touched\n`)
  const { desired } = reading
  const driver = createFileDriver({
    runner: createLocalRunner(),
    deviceDirectory,
    stateDirectory: join(dataDirectory, 'storage'),
  })
  const survey = createSurvey({ driver, clock: systemClock, onLateAnswer: () => undefined })
  await survey.refresh(desired.pools.map((pool) => configOf(desired, pool)))
  print(formatPlan(desired, plan(desired, survey.view(), REAL_ABILITIES)))
}

/** A plan for a person. */
export function formatPlan(desired: DesiredState, planned: Plan): string {
  const steps = stepsOf(planned)
  const rows: string[][] = [
    ...planned.pools.map(({ item, observed }) => [
      `pool ${nameOf(desired, item)}`,
      observed.phase,
      observed.message,
    ]),
    ...planned.replicas.map(({ item, observed }) => [
      `volume ${nameOf(desired, item)}`,
      observed.phase,
      [observed.devicePath, observed.message].filter(Boolean).join(' '),
    ]),
    ...planned.snapshots.map(({ item, observed }) => [
      `snapshot ${nameOf(desired, item)}`,
      observed.phase,
      observed.message,
    ]),
  ]
  const orphans = planned.pools.flatMap(({ item, observed }) =>
    observed.orphans.map((orphan) => `  in pool ${nameOf(desired, item)}: ${orphan}`),
  )
  const { node, clusterId, generation } = desired
  return [
    `node ${node || hostname()}, cluster ${clusterId}, generation ${generation}`,
    '',
    ...table(rows),
    ...(orphans.length > 0 ? ['', 'named by no document, and left alone:', ...orphans] : []),
    '',
    steps.length === 0 ? 'nothing to do' : `${steps.length} step(s) to do, in this order:`,
    ...steps.map((step, index) => `  ${index + 1}. ${describe(desired, step)}`),
    '',
  ].join('\n')
}

const VERBS: Readonly<Record<Step['type'], string>> = {
  PreparePool: 'prepare pool',
  RemovePool: 'remove pool',
  EnsureReplica: 'create, grow or attach volume',
  RemoveReplica: 'remove volume',
  CreateSnapshot: 'take snapshot',
  RemoveSnapshot: 'remove snapshot',
  Reclaim: 'empty the trash of pool',
}

function describe(desired: DesiredState, step: Step): string {
  const size = step.type === 'EnsureReplica' ? ` (${formatSize(step.volume.sizeBytes)})` : ''
  const name = nameOf(desired, step.item)
  return `${VERBS[step.type]} ${name}${size} in ${step.pool.path}: ${step.reason}`
}

function nameOf(desired: DesiredState, item: string): string {
  const uid = item.slice(item.indexOf('/') + 1)
  const named = [...desired.pools, ...desired.snapshots].find((each) => each.uid === uid)
  const replica = desired.replicas.find(({ volumeUid }) => volumeUid === uid)
  return named?.name ?? replica?.volume ?? uid
}

function table(rows: readonly string[][]): string[] {
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
