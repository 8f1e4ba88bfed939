/**
 * Placement and machines through the real programs: a coordinator, nine simulated hosts in three
 * racks, and the command line. The parts build on each other, as a tour does.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { access, type Program, start, temporaryDirectory, until } from '../programs/index.ts'
import { execute, type Ran } from './cluster.ts'

const RACKS = ['a', 'b', 'c']
const HOSTS = RACKS.flatMap((rack) => ['01', '02', '03'].map((number) => `sim-${rack}-${number}`))
const RACK_LABEL = 'topology.kubernetes.io/rack'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let coordinator: Program
let hosts: Program
const port = 42_000 + (process.pid % 20_000)
const path = (name: string) => join(directory.path, name)

function keelson(...args: string[]): Promise<Ran> {
  return execute('keelson', args, { KEELSON_CONFIG: path('config.yaml') })
}

/** What a command printed, which has to succeed. */
async function answer(line: string) {
  const ran = await keelson(...line.split(' '), '-o', 'json')
  expect([line, ran.code, ran.stderr]).toEqual([line, 0, expect.any(String)])
  return ran.json()
}

function startCoordinator(): Program {
  return start('keelson-coordinator', [
    'run',
    ...['--data', path('coordinator'), '--listen', `127.0.0.1:${port}`],
    ...['--cli-context', path('config.yaml'), '--log-level', 'warn', '--check'],
  ])
}

beforeAll(async () => {
  directory = await temporaryDirectory()
  coordinator = startCoordinator()
  await access(path('config.yaml'))
  await until('the coordinator', async () =>
    (await keelson('cluster', 'status')).code === 0 ? true : undefined,
  )
  const { token } = await answer('cluster join-token create')
  await writeFile(path('token'), token, { mode: 0o600 })
  hosts = start('keelson-sim-agent', [
    'run',
    ...['--data', path('sim'), '--server', `127.0.0.1:${port}`, '--ephemeral'],
    ...['--join-token-file', path('token'), '--count', '9', '--racks', '3', '--log-level', 'warn'],
  ])
  await until('nine hosts', async () => (await onlineHosts()) === 9 || undefined)
  for (const host of HOSTS)
    await answer(`pool create sim --node ${host} --kind FILE_THIN --path /pool`)
}, 30_000)

afterAll(async () => {
  await hosts?.stop()
  await coordinator?.stop()
  await directory?.[Symbol.asyncDispose]()
}, 30_000)

async function onlineHosts(): Promise<number> {
  const { nodes } = await answer('node list')
  return nodes.filter(
    ({ status }: { status: { phase: string } }) => status.phase === 'NODE_PHASE_ONLINE',
  ).length
}

/** Hosts with the data of a volume. */
async function replicasOf(volume: string): Promise<string[]> {
  const shown = await answer(`volume show ${volume}`)
  const replicas: { node: string; role: string }[] = shown.volume.status.replicas
  return replicas.filter(({ role }) => role === 'REPLICA_ROLE_DISKFUL').map(({ node }) => node)
}

/** A move of a rebalance that has ended. */
interface Ended {
  readonly phase: string
  readonly message: string
}

const rackOf = (host: string) => host.slice('sim-'.length, 'sim-a'.length)

async function hostOf(machine: string): Promise<string> {
  return (await answer(`vm show ${machine}`)).virtualMachine.status.node
}

describe('machines', () => {
  it('a machine and its volume are one decision: it stands beside its data', async () => {
    await answer('vm create web --cpu 4 --memory 16GiB --disk 20GiB,replicas=2')
    const replicas = await replicasOf('web-root')
    expect(replicas).toContain(await hostOf('web'))
    expect(new Set(replicas.map(rackOf)).size).toBe(2)
  })

  it('of a batch, what has a place is made, and what has none is told', async () => {
    const ran = await keelson(
      ...'vm create api --cpu 2 --memory 4GiB --count 4 --spread api:rack:1'.split(' '),
    )
    expect(ran.code).toBe(3)
    expect(ran.stderr).toContain('error: 1 of 4 machines were not created')
    const { virtualMachines } = await answer('vm list --match api-')
    const racks = virtualMachines.map(({ status }: { status: { node: string } }) =>
      rackOf(status.node),
    )
    expect(racks.sort()).toEqual(RACKS)
    // None of them could start again in a rack that has one already.
    for (const name of ['api-1', 'api-2', 'api-3', 'api-4']) await keelson('vm', 'delete', name)
  })

  it('a refusal ends with 3, leaves nothing behind, and has its report in JSON', async () => {
    const ran = await keelson(
      ...'vm create huge --cpu 8 --memory 4TiB --disk 1GiB,replicas=2 -o json'.split(' '),
    )
    expect([ran.code, ran.stdout]).toEqual([3, ''])
    const { code, reason, report } = JSON.parse(ran.stderr)
    expect([code, reason]).toEqual(['RESOURCE_EXHAUSTED', 'not-placeable'])
    expect(report.nodes).toHaveLength(9)
    expect(report.closestMiss).toMatch(/^sim-\S+ lacks \S+ TiB of memory$/)
    for (const noun of ['vm show huge', 'volume show huge-root'])
      expect((await keelson(...noun.split(' '))).code).toBe(7)
  })
})

describe('explanations', () => {
  it('tell why not, filter by filter', async () => {
    const other = HOSTS.find((host) => host !== 'sim-a-01')!
    await answer(`node taint ${other} dedicated=db:NoSchedule`)
    const { whyNot } = await answer(`placement explain volume 10GiB,r2 --why-not ${other}`)
    const failed = whyNot.filters.filter(({ passed }: { passed?: boolean }) => !passed)
    expect(failed).toMatchObject([{ filter: 'taint' }])
    expect(whyNot.summary).toContain('dedicated=db:NoSchedule is not tolerated')
    await answer(`node taint ${other} dedicated-`)
    expect((await keelson('placement', 'explain', 'vm', 'web', '--why-not', 'nope')).code).toBe(7)
  })

  it('count what fits, never more after a loss than before', async () => {
    const { flavors } = await answer('placement capacity --vm 4cpu,16GiB,100GiB,r2')
    const [{ now, withDomainLoss, withNodeLoss }] = flavors
    const count = (of: { count?: string }) => Number(of.count ?? 0)
    expect(count(now)).toBeGreaterThan(0)
    expect(count(now)).toBeLessThanOrEqual(Number(now.upperBound))
    expect(count(withNodeLoss)).toBeLessThanOrEqual(count(now))
    expect(count(withDomainLoss)).toBeLessThanOrEqual(count(withNodeLoss))
  })
})

describe('guarantees', () => {
  it('are kept by an enforced policy, and proven by verify', async () => {
    await writeFile(
      path('policy.yaml'),
      'scope: cluster\nguarantees:\n  - {failureDomain: rack, mode: enforce}\n',
    )
    const { policy } = await answer(`placement policy set --file ${path('policy.yaml')}`)
    expect(policy).toMatchObject({ version: '1', guarantees: [{ failureDomain: RACK_LABEL }] })
    expect((await keelson('placement', 'verify')).code).toBe(0)
    const stale = await keelson('placement', 'policy', 'set', '--file', path('policy.yaml'))
    expect(stale.code).toBe(6)

    const bound = 'vm create bound --cpu 2 --memory 4GiB --node sim-b-02'
    expect((await keelson(...bound.split(' '))).code).toBe(3)
    await writeFile(path('policy.yaml'), 'scope: cluster\nversion: "1"\n')
    await answer(`placement policy set --file ${path('policy.yaml')}`)
    expect((await keelson(...bound.split(' '))).code).toBe(0)
    const broken = await keelson(...'placement verify --domain rack -o json'.split(' '))
    expect(broken.code).toBe(4)
    const checks: { holds?: boolean; domains: string[] }[] = broken.json().checks
    expect(checks.filter(({ holds }) => !holds).map(({ domains }) => domains)).toEqual([['rack-b']])
    await answer('vm delete bound')
  })

  it('a play changes nothing', async () => {
    const everything = async () =>
      Promise.all(['vm list', 'volume list', 'node list', 'event list'].map(listing))
    const listing = async (line: string) => (await keelson(...line.split(' '), '-o', 'name')).stdout
    const before = await everything()
    const rack = rackOf(await hostOf('web'))
    const { results } = await answer(
      `placement what-if fail rack=rack-${rack} then add nodes like=sim-b-01 count=2 rack=rack-d ` +
        'then place 4cpu,16GiB,100GiB,r2 count=5',
    )
    expect(results).toHaveLength(3)
    expect(results[0].impacts.length).toBeGreaterThan(0)
    expect(await everything()).toEqual(before)
  })
})

describe('moves', () => {
  it('a replica goes to the host that is asked for', async () => {
    await answer('volume create trio --size 10GiB --replicas 3')
    const before = await replicasOf('trio')
    const from = before[0]!
    const to = HOSTS.find((host) => rackOf(host) === rackOf(from) && host !== from)!
    await answer(`volume move trio --from ${from} --to ${to}`)
    const after = await replicasOf('trio')
    expect(after.sort()).toEqual([...before.slice(1), to].sort())
  })

  it('a rebalance ends although the coordinator is killed, and nothing is lost', async () => {
    const closed = HOSTS.filter((host) => !host.endsWith('-01'))
    for (const host of closed) await answer(`node taint ${host} closed:NoSchedule`)
    for (const name of ['l1', 'l2', 'l3', 'l4', 'l5'])
      await answer(`volume create ${name} --size 60GiB --replicas 3`)
    for (const host of closed) await answer(`node taint ${host} closed-`)
    const { plan } = await answer('placement rebalance plan')
    expect(plan.moves.length).toBeGreaterThan(2)
    const { rebalance } = await answer(`placement rebalance apply ${plan.id} --no-wait`)
    await coordinator.stop('SIGKILL')
    coordinator = startCoordinator()
    await until('the hosts to be back', async () => {
      const { code, stdout } = await keelson('node', 'list', '-o', 'json')
      return code === 0 && (stdout.match(/NODE_PHASE_ONLINE/g)?.length ?? 0) === 9
        ? true
        : undefined
    })
    const done = await until('the rebalance to end', async () => {
      const shown = await answer(`placement rebalance show ${rebalance.operation}`)
      return shown.rebalance.phase === 'REBALANCE_PHASE_DONE' ? shown.rebalance : undefined
    })
    expect(done.moves).toHaveLength(plan.moves.length)
    // What breaks a rule or gains nothing by now is skipped, with its reason; nothing fails.
    const made = done.moves.filter(({ phase }: Ended) => phase === 'MOVE_PHASE_DONE')
    const skipped = done.moves.filter(
      ({ message, phase }: Ended) => phase === 'MOVE_PHASE_SKIPPED' && message !== '',
    )
    expect(made.length).toBeGreaterThan(2)
    expect(made.length + skipped.length).toBe(plan.moves.length)
    const { volumes } = await answer('volume list')
    const bad = volumes.filter(
      ({ status }: { status: { phase: string } }) => status.phase !== 'VOLUME_PHASE_READY',
    )
    expect([volumes.length, bad]).toEqual([7, []])
    expect((await answer('vm list')).virtualMachines).toHaveLength(1)
  }, 60_000)

  it('everything is sound in the end', async () => {
    const verified = await keelson('cluster', 'verify')
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringMatching(/^sound: /)])
  })
})
