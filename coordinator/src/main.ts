/** keelson-coordinator: the composition root. */
import { createRequire } from 'node:module'
import { CODES, errorChain, KeelsonError } from '@keelson/shared/errors'
import { adoptTransportLog } from '@keelson/shared/grpc'
import { createLogger } from '@keelson/shared/logging'
import { systemClock, systemRng } from '@keelson/shared/runtime'
import { HELP, openDataDirectory, parseInvocation, type RunOptions } from './config/index.ts'
import { startCoordinator } from './coordinator.ts'
import { openLmdbStore, restoreBackup, verifyBackup } from './store/index.ts'

const startedAt = Date.now() - Math.round(process.uptime() * 1000)
const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

try {
  const invocation = parseInvocation(process.argv.slice(2))
  switch (invocation.command) {
    case 'help':
      process.stdout.write(HELP)
      break
    case 'version':
      process.stdout.write(`${version}\n`)
      break
    case 'restore':
      await restore(invocation.dataDirectory, invocation.file)
      break
    case 'run':
      await run(invocation.options)
  }
} catch (error) {
  const known = KeelsonError.from(error)
  process.stderr.write(`error: ${errorChain(known)}\n`)
  for (const line of known.details) process.stderr.write(`  ${line}\n`)
  process.exitCode = CODES[known.code] === CODES.INVALID_ARGUMENT ? 2 : 1
}

async function run(options: RunOptions): Promise<void> {
  const log = createLogger({
    process: 'coordinator',
    level: options.logLevel,
    ...(options.logPretty && { pretty: true }),
  })
  adoptTransportLog(log)
  const data = await openDataDirectory(options.dataDirectory)
  try {
    const coordinator = await startCoordinator({
      options,
      data,
      clock: systemClock,
      rng: systemRng,
      log,
      version,
      startedAt,
    })
    log.info({ port: coordinator.port, data: data.path, version }, 'serving')
    let stopping = false
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, async () => {
        if (stopping) return
        stopping = true
        log.info({ signal }, 'stopping')
        await coordinator.stop()
        log.info('stopped')
      })
  } catch (error) {
    await data.close()
    throw error
  }
}

/** Puts a backup, once it is known to be whole, in the place of the store, which is kept. */
async function restore(directory: string, file: string): Promise<void> {
  await verifyBackup(file)
  const data = await openDataDirectory(directory)
  try {
    const aside = await data.setStoreAside(Date.now())
    // Told first: whoever sees the rest fail has to know where it is.
    if (aside) process.stdout.write(`the store before is kept at ${aside}\n`)
    const store = await openLmdbStore({ directory: data.storePath })
    try {
      const info = await restoreBackup(file, store)
      process.stdout.write(`restored ${info.records} records of revision ${info.clusterRevision}\n`)
    } finally {
      // The thread of an open store would keep the process alive.
      await store.close()
    }
  } finally {
    await data.close()
  }
}
