/**
 * Placement beside Ganeti's, in the same run on the same machine. Times are of the processor. By
 * environment: `INPUTS=dir` measures the *.data files of a directory instead of made clusters,
 * `OUT=file.json` keeps the figures, `BENCH_FULL=1` adds 160 and 1000 nodes and whole runs of hbal,
 * `BENCH_PEER_SECONDS` limits each run of a peer (300).
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { errorChain } from '@keelson/shared/errors'
import { temporaryDirectory } from '../../programs/index.ts'
import { print } from '../measure.ts'
import { type ColdRunner, capacityCase } from './capacity.ts'
import type { Pair } from './contender.ts'
import { type GanetiCluster, standardRequest } from './ganeti.ts'
import { keelsonContender } from './keelson-contender.ts'
import { type Cost, runMeasured } from './measured.ts'
import { requirePeers } from './peers.ts'
import { rebalanceCase } from './rebalancing.ts'
import { byFile, type CaseJson, printHead, printRow, type Row, toJson } from './report.ts'
import { type Case, madeCases } from './tasks.ts'
import { formatCluster, parseCluster } from './text-format.ts'

const { INPUTS, OUT } = process.env
const FULL = process.env.BENCH_FULL === '1'
const COLD = fileURLToPath(new URL('./cold.ts', import.meta.url))
const COLD_TIMEOUT_MS = 600_000
/** hbal needs time for every step, so on files its time is bounded. */
const HBAL_SECONDS = FULL ? 3600 : 20
/** Beyond this one step of hbal takes longer than that. */
const MOST_NODES_FOR_HBAL = 80

print('machine', `${cpus()[0]?.model} × ${cpus().length}`)
print('node', process.version)
await requirePeers()
const cases =
  INPUTS === undefined ? madeCases(keelsonContender, options()) : await fileCases(INPUTS)
const kept: CaseJson[] = []
let title = ''
for (const one of cases) {
  const row = await one.run().catch((error: unknown) => failed(one, error))
  if (row.task !== title) printHead(row.task)
  title = row.task
  printRow(row)
  kept.push(toJson(row))
  await keep()
}
const goals = kept.flatMap((one) => one.goals)
const broken = kept.flatMap(({ notes }) => notes).filter((note) => note.startsWith('BROKEN'))
const missed = goals.filter(({ met }) => !met).length
process.stdout.write(
  `\n${goals.length - missed} of ${goals.length} goals met, ${broken.length} broken rules\n`,
)

function options() {
  return { full: FULL, hbalSeconds: HBAL_SECONDS, cold: { fill: coldFill }, allocate: coldAllocate }
}

/** What was measured so far is kept, also when the run is stopped. */
async function keep(): Promise<void> {
  if (OUT === undefined) return
  await mkdir(dirname(OUT), { recursive: true })
  const shown = INPUTS === undefined ? kept : byFile(kept)
  await writeFile(OUT, `${JSON.stringify({ cases: shown }, undefined, 2)}\n`)
}

/** A case that fails says why; the others go on. */
function failed({ task, name }: Case, error: unknown): Row {
  return {
    ...{ task, case: name, ours: {}, peer: {}, goals: [] },
    notes: [`FAILED: ${errorChain(error)}`],
  }
}

async function fileCases(directory: string): Promise<Case[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.data')).sort()
  const cold: ColdRunner = { fill: coldFill }
  return files.flatMap((file): Case[] => {
    const name = basename(file, '.data')
    const load = async () => parseCluster(await readFile(join(directory, file), 'utf8'))
    return [
      {
        ...{ task: 'capacity', name },
        run: async () => {
          const cluster = await load()
          const wanted = standardRequest(cluster)
          return capacityCase(name, cluster, wanted, keelsonContender, { cold, peer: true })
        },
      },
      { ...{ task: 'rebalance', name }, run: async () => rebalanceFile(name, await load()) },
    ]
  })
}

async function rebalanceFile(name: string, cluster: GanetiCluster): Promise<Row> {
  const { instances, nodes } = cluster
  const peerSeconds = instances.length > 0 && nodes.length <= MOST_NODES_FOR_HBAL ? HBAL_SECONDS : 0
  return rebalanceCase(name, cluster, keelsonContender, { peerSeconds })
}

async function coldFill(
  cluster: GanetiCluster,
  { memMib, diskMib, vcpus }: { memMib: number; diskMib: number; vcpus: number },
): Promise<{ pairs: Pair[]; cost: Cost }> {
  return withFile(formatCluster(cluster), async (file) => {
    const sizes = [memMib, diskMib, vcpus].map(String)
    const { stdout, cost } = await runMeasured(
      process.execPath,
      [COLD, 'fill', file, ...sizes],
      COLD_TIMEOUT_MS,
    )
    return { pairs: JSON.parse(stdout) as Pair[], cost }
  })
}

async function coldAllocate(request: string): Promise<Cost> {
  return withFile(request, async (file) => {
    const args = [COLD, 'allocate', file]
    return (await runMeasured(process.execPath, args, COLD_TIMEOUT_MS)).cost
  })
}

async function withFile<Result>(
  text: string,
  use: (file: string) => Promise<Result>,
): Promise<Result> {
  await using temporary = await temporaryDirectory()
  const file = join(temporary.path, 'input')
  await writeFile(file, text)
  return await use(file)
}
