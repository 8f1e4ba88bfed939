/** keelson-sim-agent: the composition root. */
import { errorChain, KeelsonError } from '@keelson/shared/errors'
import type { SimulatedHostState } from './host.ts'
import { parseSimInvocation, SIM_HELP, type SimInvocation, type SimOptions } from './options.ts'

/** A stop that takes longer is stuck. */
const STOP_TIMEOUT_MS = 15_000

try {
  process.exitCode = await main(parseSimInvocation(process.argv.slice(2), process.env))
} catch (error) {
  const known = KeelsonError.from(error)
  process.stderr.write(`error: ${errorChain(known)}\n`)
  for (const line of known.details) process.stderr.write(`  ${line}\n`)
  process.exit(known.code === 'INVALID_ARGUMENT' ? 2 : 1)
}

async function main(invocation: SimInvocation): Promise<number> {
  switch (invocation.command) {
    case 'help':
      process.stdout.write(SIM_HELP)
      return 0
    case 'version':
      process.stdout.write(`${(await import('../agent/index.ts')).AGENT_VERSION}\n`)
      return 0
    case 'run':
      return run(invocation.options)
    default: {
      const { askControl } = await import('./control.ts')
      const { dataDirectory, ...request } = invocation
      process.stdout.write(table(await askControl(dataDirectory, request)))
      return 0
    }
  }
}

async function run(options: SimOptions): Promise<number> {
  const { adoptTransportLog } = await import('@keelson/shared/grpc')
  const { createLogger } = await import('@keelson/shared/logging')
  const { systemClock, systemRng } = await import('@keelson/shared/runtime')
  const { startSimulation } = await import('./simulation.ts')
  const log = createLogger({
    process: 'sim-agent',
    level: options.logLevel,
    ...(options.logPretty && { pretty: true }),
  })
  adoptTransportLog(log)
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'the simulation ends: an error that nobody handles')
    process.exit(1)
  })
  const simulation = await startSimulation(options, { clock: systemClock, rng: systemRng, log })
  const { count, racks, dataDirectory: data } = options
  log.info({ hosts: count, racks, data }, 'simulating')
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      log.info({ signal }, 'stopping')
      ask()
    })
  await asked
  setTimeout(() => process.exit(0), STOP_TIMEOUT_MS).unref()
  await simulation.stop()
  log.info('stopped')
  return 0
}

function table(hosts: readonly SimulatedHostState[]): string {
  const rows = [
    ['NAME', 'RACK', 'POWER', 'SESSION', 'VOLUMES'],
    ...hosts.map(({ name, rack, power, session, volumes }) => [
      name,
      rack,
      power,
      session || '-',
      String(volumes),
    ]),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column]!)).join('  '),
  )
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}
