/** One run: a world, clients, faults, healing, and the verdict. */
import { KeelsonError } from '@keelson/shared/errors'
import { checkLosses, checkWorld } from './checks.ts'
import { heal, type Loss, loseSnapshots, runFaults } from './faults.ts'
import { TOKEN_HASH, TOKEN_ID } from './host.ts'
import { type Expectations, request } from './request.ts'
import { runClient } from './workload.ts'
import { createWorld, type World } from './world.ts'

/** What a run found. */
export interface Verdict {
  readonly seed: number
  readonly problems: readonly string[]
  readonly trace: readonly string[]
  readonly acknowledged: number
  readonly crashes: number
  /** Snapshots that were lost on purpose. */
  readonly losses: number
}

const CLIENTS = 3
/** Virtual time under faults, and after healing. */
const CHAOS_MS = 120_000
const CALM_MS = 300_000
/** For the last snapshots to be taken. */
const SNAPSHOT_MS = 10_000
/** After snapshots were lost: without a coordinator, and with one. */
const LOSS_MS = 60_000

/** Simulates the world of a seed. */
export async function simulate(seed: number): Promise<Verdict> {
  const world = createWorld(seed)
  const expectations: Expectations = new Map()
  const problems: string[] = []
  let losses: readonly Loss[] = []
  const abort = new AbortController()
  const fail = (error: unknown) => {
    const known = error instanceof Error ? (error.stack ?? error.message) : String(error)
    problems.push(`unexpected: ${known}`)
    abort.abort(error)
  }
  const setUp = setUpWorld(world)
  setUp.catch(fail)
  await world.clock.run(30_000)
  if (problems.length === 0) {
    const clients = Array.from({ length: CLIENTS }, (_, index) =>
      runClient(world, expectations, `c${index}`, abort.signal).catch(fail),
    )
    const faults = runFaults(world, abort.signal).catch(fail)
    await world.clock.run(CHAOS_MS)
    abort.abort(new KeelsonError('CANCELLED', 'the end of chaos'))
    faults.then(() => heal(world)).catch(fail)
    let waiting = clients.length
    for (const client of clients) client.then(() => waiting--)
    await world.clock.run(CALM_MS)
    if (waiting > 0) problems.push(`${waiting} clients still wait for an answer`)
    problems.push(...checkWorld(world, expectations))
    losses = await loseEverywhere(world, expectations, fail)
    problems.push(...checkLosses(world, losses))
  }
  const { trace, incarnation } = world
  const end = world.close()
  await world.clock.run(10_000)
  await end
  return {
    seed,
    problems,
    trace,
    acknowledged: expectations.size,
    crashes: incarnation,
    losses: losses.length,
  }
}

/** Every host takes snapshots, loses one, and has to say so, first to itself and then to others. */
async function loseEverywhere(
  world: World,
  expectations: Expectations,
  fail: (error: unknown) => void,
): Promise<readonly Loss[]> {
  for (const { kind, name, state } of expectations.values()) {
    if (kind !== 'volume' || state !== 'present') continue
    const named = { name: `${name}-last`, labels: {}, dryRun: false }
    request(world, ({ admission }) => admission.createSnapshot('user/sim', named, name)).catch(fail)
  }
  await world.clock.run(SNAPSHOT_MS)
  const losses = loseSnapshots(world)
  await world.clock.run(LOSS_MS)
  heal(world).catch(fail)
  await world.clock.run(LOSS_MS)
  return losses
}

async function setUpWorld(world: World): Promise<void> {
  await world.startCoordinator()
  await request(world, ({ admission }) =>
    admission.createJoinToken(
      'user/sim',
      { id: TOKEN_ID, text: '', secretHash: TOKEN_HASH },
      { validForMs: 3_600_000, uses: 0, node: '' },
    ),
  )
  for (const host of world.hosts) {
    await request(world, ({ admission }) => host.enrollment(admission))
    host.start()
    await request(world, ({ admission }) =>
      admission.createPool(
        'user/sim',
        { name: 'local', labels: {}, dryRun: false },
        { node: host.name, kind: 'FILE_THIN', path: '/pool', overcommitPercent: 1000 },
      ),
    )
  }
}
