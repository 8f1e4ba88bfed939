/** One real coordinator, one real agent on real loop devices, and the real command line. */
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { access, type Program, start, temporaryDirectory, until } from '../programs/index.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What a command printed and how it ended. */
export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the command printed.
  json(): any
}

/** The cluster of a test file. */
export interface EndToEnd extends AsyncDisposable {
  readonly directory: string
  readonly port: number
  readonly node: string
  /** Runs `./keelson …` with this cluster's context. */
  keelson(...args: string[]): Promise<Ran>
  /** Runs any program of the root with an environment of its own. */
  run(program: string, args: readonly string[], env?: Record<string, string>): Promise<Ran>
  coordinator: Program
  agent: Program
  startCoordinator(): Program
  startAgent(): Program
  /** Detaches every loop device of a pool directory, as a reboot does. */
  detachLoops(directory: string): Promise<number>
}

/** Starts everything and waits until the node is online. */
export async function startEndToEnd(): Promise<EndToEnd> {
  const temporary = await temporaryDirectory()
  const directory = temporary.path
  const port = 22_000 + (process.pid % 20_000)
  const config = join(directory, 'config.yaml')
  const tokenFile = join(directory, 'token')
  const node = 'e2e'
  const startCoordinator = () =>
    start('keelson-coordinator', [
      'run',
      ...['--data', join(directory, 'coordinator'), '--listen', `127.0.0.1:${port}`],
      ...['--cli-context', config, '--log-level', 'warn', '--check'],
    ])
  const startAgent = () =>
    start('keelson-agent', [
      'run',
      ...['--data', join(directory, 'agent'), '--server', `127.0.0.1:${port}`, '--node', node],
      ...['--join-token-file', tokenFile, '--log-level', 'warn'],
      ...['--label', 'topology.kubernetes.io/rack=r1'],
    ])
  const run = (program: string, args: readonly string[], env: Record<string, string> = {}) =>
    execute(program, args, env)
  const keelson = (...args: string[]) => run('keelson', args, { KEELSON_CONFIG: config })
  const coordinator = startCoordinator()
  await access(config)
  await until('the coordinator', async () =>
    (await keelson('cluster', 'status')).code === 0 ? true : undefined,
  )
  const joinToken = await keelson('cluster', 'join-token', 'create', '-o', 'json')
  await writeFile(tokenFile, joinToken.json().token, { mode: 0o600 })
  const agent = startAgent()
  await until('the agent', async () => {
    const shown = await keelson('node', 'show', node, '-o', 'json')
    return shown.code === 0 && shown.json().node.status.phase === 'NODE_PHASE_ONLINE'
      ? true
      : undefined
  })
  const cluster: EndToEnd = {
    directory,
    port,
    node,
    keelson,
    run,
    coordinator,
    agent,
    startCoordinator,
    startAgent,
    detachLoops,
    async [Symbol.asyncDispose]() {
      await cluster.agent.stop()
      await cluster.coordinator.stop()
      await detachLoops(directory)
      await temporary[Symbol.asyncDispose]()
    },
  }
  return cluster
}

/** Runs a program of the root with an environment of its own. */
export function execute(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Ran> {
  const file = program.startsWith('/') ? program : join(ROOT, program)
  return new Promise((resolve) => {
    execFile(
      file,
      [...args],
      { env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env }, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        const code = error ? Number(error.code ?? 1) : 0
        resolve({ code, stdout, stderr, json: () => JSON.parse(stdout) })
      },
    )
  })
}

async function detachLoops(directory: string): Promise<number> {
  let count = 0
  for (const name of await readdir('/sys/block')) {
    if (!name.startsWith('loop')) continue
    const file = await readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => '')
    if (!file.startsWith(`${directory}/`)) continue
    await execute('/usr/sbin/losetup', ['-d', `/dev/${name}`], {})
    count++
  }
  return count
}

/** Makes a directory for a pool. */
export async function poolDirectory(cluster: EndToEnd, name: string): Promise<string> {
  const path = join(cluster.directory, name)
  await mkdir(path, { recursive: true })
  return path
}
