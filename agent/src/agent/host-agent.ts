/**
 * The agent of a real host: opens its data directory and brings the real parts. What it keeps:
 *
 *   lock           held while an agent runs here
 *   identity.json  certificate, private key, authority
 *   machine.key    proves that a host which joins again is the same
 *   ledger.json    the last desired document
 *   storage/       the storage driver's records
 */
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { acquireFileLock, createLocalRunner } from '@keelson/shared/exec'
import type { Logger } from '@keelson/shared/logging'
import type { Clock, Rng } from '@keelson/shared/runtime'
import { defaultNodeName, type RunOptions } from '../config/index.ts'
import {
  createCredentials,
  createIdentityStore,
  type Identity,
  JOIN_ADVICE,
  readJoinToken,
} from '../identity/index.ts'
import { startInventory } from '../inventory/index.ts'
import { openFileLedger, readLedgerFile } from '../ledger/index.ts'
import { createFileDriver } from '../storage/index.ts'
import { createGrpcTransport } from '../transport/index.ts'
import { type Agent, createAgent, REAL_ABILITIES } from './create-agent.ts'
import { readHostFacts } from './facts.ts'

/** What the process gives to its agent. */
export interface HostParts {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Logger
}

/** A killed agent's lock needs a moment to go. */
const LOCK_WAIT_MS = 3_000

/**
 * Starts the agent of this host. Raises FAILED_PRECONDITION when another agent has the data
 * directory, when it belongs to another host, and on the first start without a join token.
 */
export async function startHostAgent(options: RunOptions, parts: HostParts): Promise<Agent> {
  const { dataDirectory } = options
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
  await chmod(dataDirectory, 0o700)
  const lock = await acquireFileLock(join(dataDirectory, 'lock'), { waitMs: LOCK_WAIT_MS })
  try {
    const agent = await assemble(options, parts)
    return {
      ...agent,
      async stop() {
        await agent.stop()
        await lock.release()
      },
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function assemble(options: RunOptions, { clock, rng, log }: HostParts): Promise<Agent> {
  const { dataDirectory, deviceDirectory, labels, servers, sysroot } = options
  const store = createIdentityStore(dataDirectory, rng)
  const identity = await store.load().catch((error) => {
    // The host's volumes do not depend on it: they are served, and joining is what fails.
    log.error({ err: error }, 'the identity of this host cannot be read')
    return undefined
  })
  const ledgerPath = join(dataDirectory, 'ledger.json')
  const node = await nodeName(options, identity, ledgerPath)
  const ledger = await openFileLedger({ path: ledgerPath, node })
  const hasToken = options.joinToken !== undefined || options.joinTokenFile !== undefined
  if (!identity && !hasToken && !ledger.current() && !ledger.damage)
    throw new KeelsonError('FAILED_PRECONDITION', `node "${node}" has not joined a cluster`, {
      details: JOIN_ADVICE,
    })
  const runner = createLocalRunner({ clock })
  const credentials = createCredentials({
    store,
    node,
    servers,
    labels,
    joinToken: () => readJoinToken(options),
    heldCluster: () => ledger.current()?.clusterId ?? '',
    clock,
    rng,
    log,
  })
  const transport = createGrpcTransport({ servers, credentials })
  const agent = createAgent({
    node,
    facts: readHostFacts(sysroot),
    ledger,
    driver: createFileDriver({
      runner,
      clock,
      deviceDirectory,
      stateDirectory: join(dataDirectory, 'storage'),
    }),
    abilities: REAL_ABILITIES,
    transport,
    inventory: (onNews) =>
      startInventory({
        sysroot,
        clock,
        rng,
        node,
        runner,
        onChange: onNews,
        onError: (error) => log.error({ err: error }, 'hardware report failed'),
      }),
    clock,
    rng,
    log,
  })
  return {
    ...agent,
    async stop() {
      await Promise.all([agent.stop(), credentials.stop()])
      transport.close()
    },
  }
}

/** A host keeps the name it joined with, also when somebody changes its host name. */
async function nodeName(
  { node, dataDirectory }: RunOptions,
  identity: Identity | undefined,
  ledgerPath: string,
): Promise<string> {
  const ledger = await readLedgerFile(ledgerPath)
  const known = identity?.node ?? (ledger.kind === 'Sound' ? ledger.desired.node : undefined)
  if (node !== undefined && known !== undefined && node !== known)
    throw new KeelsonError('FAILED_PRECONDITION', `${dataDirectory} belongs to node "${known}"`, {
      details: [`start the agent with --node ${known}, or with another --data`],
    })
  return node ?? known ?? defaultNodeName()
}
