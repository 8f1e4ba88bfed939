/** Ganeti's own programs, run as their users run them, and what they say. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { findTool } from '@keelson/shared/exec'
import { temporaryDirectory } from '../../programs/index.ts'
import type { GanetiCluster, Request } from './ganeti.ts'
import { type Cost, type Measured, requirePackage, runMeasured } from './measured.ts'
import { type Move, type Step, stepsOf } from './steps.ts'
import { formatCluster, parseCluster } from './text-format.ts'

/** How long any of them may run. */
export const PEER_TIMEOUT_MS = Number(process.env.BENCH_PEER_SECONDS ?? 300) * 1000
/** htools say "no" with 1. */
const ANSWERS = [0, 1]
const HAIL = '/usr/lib/ganeti/iallocators/hail'

/** Makes sure they are there: installs them as root, else raises FAILED_PRECONDITION. */
export async function requirePeers(): Promise<void> {
  await requirePackage('hspace', 'ganeti-htools')
  if ((await findTool(HAIL)) === undefined)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `${HAIL} is missing: apt-get install ganeti-htools`,
    )
}

/** What hspace found. */
export interface HspaceResult {
  readonly placed: number
  /** Score of the filled cluster. */
  readonly score: number
  readonly result: GanetiCluster
  readonly cost: Cost
}

/** Places identical mirrored instances until none fits, or `most` of them. */
export async function runHspace(
  cluster: GanetiCluster,
  { memMib, diskMib, vcpus }: Request,
  most?: number,
): Promise<HspaceResult> {
  return withFile(apart(cluster), async (file, directory) => {
    const saved = join(directory, 'filled')
    const { stdout, stderr, cost } = await runMeasured(
      'hspace',
      [
        ...['-t', file, '--disk-template=drbd', `--standard-alloc=${diskMib},${memMib},${vcpus}`],
        // A tier the policy forbids costs nothing; without it hspace also searches smaller sizes.
        ...['--tiered-alloc=1,1,1', '--machine-readable', '-S', saved],
        ...(most === undefined ? [] : ['-l', String(most)]),
      ],
      PEER_TIMEOUT_MS,
      ANSWERS,
    )
    const facts = parseFacts(stdout)
    const placed = facts.get('ALLOC_INSTANCES')
    if (facts.get('OK') !== '1' || placed === undefined)
      throw new KeelsonError('FAILED_PRECONDITION', `no count: ${lastLine(stderr)}`)
    return {
      placed: Number(placed),
      score: Number(facts.get('FIN_SCORE')),
      result: parseCluster(await readFile(`${saved}.standard`, 'utf8')),
      cost,
    }
  })
}

/** hspace calls new instances new-0, new-1, …, whatever is there already. */
function apart(cluster: GanetiCluster): GanetiCluster {
  const rename = (name: string) => (name.startsWith('new-') ? `old-${name}` : name)
  return {
    ...cluster,
    instances: cluster.instances.map((one) => ({ ...one, name: rename(one.name) })),
  }
}

/** "HTS_NAME=value" lines by name. */
export function parseFacts(stdout: string): Map<string, string> {
  return new Map(
    [...stdout.matchAll(/^HTS_(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!] as const),
  )
}

/** What hbal did. */
export interface HbalResult {
  readonly steps: readonly Step[]
  /** Ganeti's score after each step. */
  readonly scores: readonly number[]
  readonly cost: Cost
}

/** Balances each group in turn; `mostSteps` ends it early. */
export async function runHbal(cluster: GanetiCluster, mostSteps?: number): Promise<HbalResult> {
  const used = new Set(cluster.nodes.map(({ group }) => group))
  const groups = cluster.groups.filter(({ uuid }) => used.has(uuid))
  const limit = mostSteps === undefined ? [] : ['-l', String(mostSteps)]
  let [current, steps, scores]: [GanetiCluster, Step[], number[]] = [cluster, [], []]
  let cost: Cost = { wallSeconds: 0, cpuSeconds: 0, peakMib: 0 }
  for (const { name } of groups) {
    const choice = groups.length > 1 ? ['-G', name] : []
    const run = await withFile(current, (file) =>
      runMeasured('hbal', ['-t', file, ...limit, ...choice], PEER_TIMEOUT_MS, ANSWERS),
    )
    const found = parseHbal(run.stdout)
    steps = [...steps, ...found.steps]
    scores = [...scores, ...found.scores]
    cost = addCost(cost, run.cost)
    current = stepsOf(cluster, steps).at(-1) ?? cluster
  }
  return { steps, scores, cost }
}

/** Lines such as "3. vm node-1:node-2 => node-3:node-1 0.81 a=f r:node-3 f". */
export function parseHbal(stdout: string): { steps: Step[]; scores: number[] } {
  const lines = stdout.matchAll(
    /^\s*\d+\. (\S+)\s+\S+\s+=>\s+\S+\s+([\d.]+) a=((?:f|r:\S+)(?: (?:f|r:\S+))*)\s*$/gm,
  )
  const found = [...lines]
  return {
    steps: found.map(([, instance, , moves]) => ({
      instance: instance!,
      moves: moves!.split(' ') as Move[],
    })),
    scores: found.map(([, , score]) => Number(score)),
  }
}

/** What Ganeti itself thinks of a cluster. */
export interface Opinion {
  /** It survives the loss of any one node. */
  readonly happy: boolean
  /** Eight digits after the point. */
  readonly score: number
}

/** Asks hinfo, the neutral judge. */
export async function runHinfo(cluster: GanetiCluster): Promise<Opinion> {
  const { stdout } = await withFile(cluster, (file) =>
    runMeasured('hinfo', ['-t', file], PEER_TIMEOUT_MS, ANSWERS),
  )
  return parseHinfo(stdout)
}

/** Reads the verdict and the last line of hinfo. Raises INTERNAL when there is no score. */
export function parseHinfo(stdout: string): Opinion {
  const [, score] = /^Cluster score: (\S+)$/m.exec(stdout) ?? []
  if (score === undefined) throw new KeelsonError('INTERNAL', `hinfo: ${lastLine(stdout)}`)
  return { happy: stdout.includes('Cluster is N+1 happy'), score: Number(score) }
}

/** Answer of hail. */
export interface HailResult {
  readonly success: boolean
  readonly info: string
  readonly result: unknown
  readonly cost: Cost
}

/** One request, one process, as Ganeti calls it. Global checks on top of the rules may be off. */
export async function runHail(
  requestJson: string,
  { capacityChecks }: { readonly capacityChecks: boolean },
): Promise<HailResult> {
  await using temporary = await temporaryDirectory()
  const file = join(temporary.path, 'request.json')
  await writeFile(file, requestJson)
  const args = capacityChecks ? [file] : ['--no-capacity-checks', file]
  const { stdout, cost } = await runMeasured(HAIL, args, PEER_TIMEOUT_MS, ANSWERS)
  return { ...parseHail(stdout), cost }
}

/** The JSON hail prints; raises INTERNAL when it is none. */
export function parseHail(stdout: string): Omit<HailResult, 'cost'> {
  try {
    const { success, info, result } = JSON.parse(stdout) as Record<string, unknown>
    return { success: success === true, info: String(info), result }
  } catch (cause) {
    throw new KeelsonError('INTERNAL', `hail answered "${lastLine(stdout)}"`, { cause })
  }
}

async function withFile<Result>(
  cluster: GanetiCluster,
  use: (file: string, directory: string) => Promise<Result>,
): Promise<Result> {
  await using temporary = await temporaryDirectory()
  const file = join(temporary.path, 'cluster.data')
  await writeFile(file, formatCluster(cluster))
  return await use(file, temporary.path)
}

function addCost(a: Cost, b: Measured['cost']): Cost {
  const both = (
    x: number | undefined,
    y: number | undefined,
    join_: (x: number, y: number) => number,
  ) => (x === undefined || y === undefined ? undefined : join_(x, y))
  return {
    wallSeconds: a.wallSeconds + b.wallSeconds,
    cpuSeconds: both(a.cpuSeconds, b.cpuSeconds, (x, y) => x + y),
    peakMib: both(a.peakMib, b.peakMib, Math.max),
  }
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.slice(0, 200) ?? ''
}
