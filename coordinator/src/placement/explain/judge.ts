/** What is said about each candidate: the same rules and numbers that chose, in words. */
import { formatSize, type ScorePart } from '@keelson/shared/model'
import {
  type ChooseWeights,
  type Costs,
  canStandBy,
  createCosts,
  machineObstacle,
  machineScoreParts,
  type Obstacle,
  volumeObstacle,
  volumeScoreParts,
  weightsAlone,
} from '../choose/index.ts'
import type { Fleet, MachineRequest } from '../fleet/index.ts'
import { type CompiledMachine, type CompiledVolume, preferencePart } from '../rules/index.ts'
import type { RawScores } from './scores.ts'

/** Judges the candidates of one demand; rows are hosts or pools. */
export interface Judge {
  readonly rowCount: number
  /** Names of the rules and then of the numbers that can fail, in the order they are checked. */
  readonly steps: readonly string[]
  /** How many of them are rules. */
  readonly ruleCount: number
  /** Row of the host of a candidate. */
  hostOf(row: number): number
  node(row: number): string
  /** Empty if hosts are the candidates. */
  pool(row: number): string
  /** For each candidate the index of the step it fails first; -1 if it passes all. */
  stages(): Int32Array
  /** What a candidate that passes all rules lacks; null if nothing. */
  obstacle(row: number): Obstacle | null
  /** How much of it is missing, in its unit; more than is needed where too much is promised. */
  missing(row: number): number
  /** Why a step rejects the candidate, with numbers; null if it does not. */
  reason(row: number, step: number): string | null
  /** What a candidate costs, as the search sees it; the lower, the better. */
  cost(row: number): number
  /** What speaks for a candidate. */
  scores(row: number): RawScores
}

/** Judges the pools for a volume in a fleet. */
export function judgeVolume(fleet: Fleet, volume: CompiledVolume): Judge {
  const { mask, policy, preferences, request, rules } = volume
  const { poolCapacity, poolHost, poolPromised } = fleet
  const unmasked = { ...request, pools: undefined }
  let costs: Costs | undefined
  const steps = [...rules.map(({ name }) => name), 'space']
  return {
    rowCount: fleet.poolCount,
    steps,
    ruleCount: rules.length,
    hostOf: (row) => poolHost[row]!,
    node: (row) => fleet.hosts[poolHost[row]!]!.name,
    pool: (row) => fleet.pools[row]!.name,
    stages() {
      const stages = new Int32Array(fleet.poolCount)
      const { sizeBytes } = request
      for (let row = 0; row < stages.length; row++) {
        const rule = mask.failed[row]! - 1
        const full = rule < 0 && poolPromised[row]! + sizeBytes > poolCapacity[row]!
        stages[row] = full ? rules.length : rule
      }
      return stages
    },
    obstacle: (row) => volumeObstacle(fleet, unmasked, row),
    missing: (row) => request.sizeBytes - (poolCapacity[row]! - poolPromised[row]!),
    reason(row, step) {
      if (step < rules.length) return rules[step]!.check(row)
      const obstacle = volumeObstacle(fleet, unmasked, row)
      return obstacle && spaceReason(obstacle)
    },
    cost(row) {
      costs ??= createCosts(fleet, weightsAlone(policy.weights))
      return costs.replica(unmasked, row)
    },
    scores: (row) => ({
      costs: withoutPreference(
        volumeScoreParts(fleet, unmasked, row, weightsAlone(policy.weights)),
      ),
      merits: preferencePart(preferences, policy.weights.preference ?? 1, poolHost[row]!),
    }),
  }
}

function spaceReason({ has, needs }: Obstacle): string {
  return `needs ${formatSize(needs)}, ${formatSize(has)} can be promised`
}

/** Judges the hosts for a machine in a fleet. */
export function judgeMachine(fleet: Fleet, machine: CompiledMachine): Judge {
  const { mask, policy, preferences, request, rules } = machine
  const { weights } = policy
  const numbers = numbersOf(fleet, request)
  const steps = [...rules.map(({ name }) => name), ...numbers]
  let costs: Costs | undefined
  return {
    rowCount: fleet.hostCount,
    steps,
    ruleCount: rules.length,
    hostOf: (row) => row,
    node: (row) => fleet.hosts[row]!.name,
    pool: () => '',
    stages() {
      const stages = new Int32Array(fleet.hostCount)
      const alone: MachineRequest = { ...request, standby: 'None' }
      const covered = coverage(fleet, request)
      for (let row = 0; row < stages.length; row++) {
        stages[row] = mask.failed[row]! - 1
        if (stages[row]! >= 0) continue
        const rule = machineObstacle(fleet, alone, row)?.rule ?? (covered(row) ? '' : 'standby')
        if (rule !== '') stages[row] = rules.length + numbers.indexOf(rule)
      }
      return stages
    },
    obstacle: (row) => machineObstacle(fleet, request, row),
    missing(row) {
      const obstacle = machineObstacle(fleet, request, row)
      return obstacle ? obstacle.needs - obstacle.has : 0
    },
    reason(row, step) {
      if (step < rules.length) return rules[step]!.check(row)
      const obstacle = numberObstacle(fleet, request, row, numbers[step - rules.length]!)
      return obstacle && machineReason(obstacle)
    },
    cost(row) {
      costs ??= createCosts(fleet, weights)
      const far = request.attached.filter((rows) => !rows.includes(row)).length
      return costs.machine(request, row) + far * costs.locality
    },
    scores: (row) => ({
      costs: withoutPreference(machineScoreParts(fleet, request, row, weights)),
      merits: [
        ...localityPart(request, weights, row),
        ...preferencePart(preferences, weights.preference ?? 1, row),
      ],
    }),
  }
}

/** Names of the numbers that can keep a machine from a host, in the order they are checked. */
function numbersOf({ columns }: Fleet, request: MachineRequest): string[] {
  const { amounts, locality, standby, volumes } = request
  return [
    ...amounts.map(({ column }) => columns[column]!.name),
    ...(locality === 'Required' ? ['locality'] : []),
    ...(locality === 'Required' && volumes.length > 0 ? ['space'] : []),
    ...(standby === 'None' ? [] : ['standby']),
  ]
}

/**
 * Whether somebody can keep room for the machine on a host. Asked of every host, so those that
 * could keep it for nobody are left out first.
 */
function coverage(fleet: Fleet, request: MachineRequest): (host: number) => boolean {
  const { amounts, hosts, standby } = request
  if (standby === 'None') return () => true
  const { lossDomains } = fleet
  const able: number[] = []
  for (let row = 0; row < fleet.hostCount; row++)
    if (hosts?.[row] !== 0 && canStandBy(fleet, amounts, row, NO_DOMAIN)) able.push(row)
  return (host) => {
    const domain = lossDomains[host]!
    return able.some((row) => canStandBy(fleet, amounts, row, domain))
  }
}

/** A failure domain that brings nothing. */
const NO_DOMAIN = -1

/** What one number says, whatever those before it say. */
function numberObstacle(
  fleet: Fleet,
  request: MachineRequest,
  host: number,
  name: string,
): Obstacle | null {
  const column = fleet.columnRow(name)
  const only: MachineRequest = {
    ...request,
    amounts: request.amounts.filter((amount) => name === 'standby' || amount.column === column),
    locality: name === 'locality' || name === 'space' ? request.locality : 'Ignored',
    standby: name === 'standby' ? request.standby : 'None',
    volumes: name === 'space' ? request.volumes : [],
    attached: name === 'locality' ? request.attached : [],
  }
  const obstacle = machineObstacle(fleet, only, host)
  return obstacle?.rule === name ? obstacle : null
}

function machineReason({ has, needs, rule, volume }: Obstacle): string {
  if (rule === 'cpu') return `needs ${cpus(needs)} of CPU, ${cpus(Math.max(0, has))} are left`
  if (rule === 'locality') return `has the data of ${has} of its ${needs} volumes`
  if (rule === 'standby')
    return `no other failure domain keeps ${formatSize(needs)} for it, ${formatSize(Math.max(0, has))} is the most`
  if (rule === 'space')
    return `needs ${formatSize(needs)} for ${volume}, ${formatSize(has)} can be promised`
  if (rule.startsWith('device/'))
    return `needs ${needs} of ${rule.slice('device/'.length)}, ${Math.max(0, has)} are left`
  const what = rule === 'memory' ? 'memory' : rule
  return `needs ${formatSize(needs)} of ${what}, ${formatSize(Math.max(0, has))} are left`
}

function cpus(millis: number): string {
  return `${(millis / 1000).toFixed(millis % 1000 === 0 ? 0 : 2)}`
}

/** Preferred rules are told by how many of them are kept. */
function withoutPreference(parts: readonly ScorePart[]): ScorePart[] {
  return parts.filter(({ name, weight }) => name !== 'preference' && weight > 0)
}

function localityPart(
  { attached, locality }: MachineRequest,
  weights: ChooseWeights,
  host: number,
): ScorePart[] {
  if (locality !== 'Preferred' || attached.length === 0) return []
  const near = attached.filter((rows) => rows.includes(host)).length
  const weight = (weights.locality ?? 1) * attached.length
  return [{ name: 'locality', value: near / attached.length, weight }]
}
