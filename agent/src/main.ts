/** keelson-agent: the composition root. */
import { errorChain, KeelsonError } from '@keelson/shared/errors'
import { type Invocation, parseInvocation, type RunOptions } from './config/index.ts'

/** A stop that takes longer is stuck in the kernel. */
const STOP_TIMEOUT_MS = 15_000

try {
  process.exitCode = await main(parseInvocation(process.argv.slice(2), process.env))
} catch (error) {
  const known = KeelsonError.from(error)
  process.stderr.write(`error: ${errorChain(known)}\n`)
  for (const line of known.details) process.stderr.write(`  ${line}\n`)
  process.exit(known.code === 'INVALID_ARGUMENT' ? 2 : 1)
}

/** Runs the command; what a command does not need is not loaded. */
async function main(invocation: Invocation): Promise<number> {
  const print = (text: string) => process.stdout.write(text)
  switch (invocation.command) {
    case 'help':
      print((await import('./config/index.ts')).HELP)
      return 0
    case 'version':
      print(`${(await import('./agent/index.ts')).AGENT_VERSION}\n`)
      return 0
    case 'inventory':
      return (await import('./inventory-command.ts')).runInventoryCommand(
        [...invocation.args],
        print,
      )
    case 'plan':
      await (await import('./plan-command.ts')).runPlanCommand(invocation.options, print)
      return 0
    case 'run':
      return run(invocation.options)
  }
}

async function run(options: RunOptions): Promise<number> {
  const { adoptTransportLog } = await import('@keelson/shared/grpc')
  const { createLogger } = await import('@keelson/shared/logging')
  const { systemClock, systemRng } = await import('@keelson/shared/runtime')
  const { AGENT_VERSION, startHostAgent } = await import('./agent/index.ts')
  const log = createLogger({
    process: 'agent',
    level: options.logLevel,
    ...(options.logPretty && { pretty: true }),
  })
  adoptTransportLog(log)
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'the agent ends: an error that nobody handles')
    process.exit(1)
  })
  const agent = await startHostAgent(options, { clock: systemClock, rng: systemRng, log })
  const { dataDirectory: data, servers } = options
  log.info({ node: agent.status().node, version: AGENT_VERSION, data, servers }, 'serving')
  process.on('SIGUSR2', () => log.info({ status: agent.status() }, 'status'))

  const { promise: asked, resolve: ask } = Promise.withResolvers<undefined>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      log.info({ signal }, 'stopping; volumes stay attached')
      ask(undefined)
    })
  const failure = await Promise.race([asked, agent.ended])
  if (failure) log.fatal({ err: failure }, 'the agent ends')
  setTimeout(() => process.exit(failure ? 1 : 0), STOP_TIMEOUT_MS).unref()
  await agent.stop()
  log.info('stopped')
  return failure ? 1 : 0
}
