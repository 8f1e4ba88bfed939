/**
 * Who the host is to the cluster: its certificate with the private key, and the authority it
 * trusts, in one file that is replaced as a whole, so that key and certificate always belong
 * together. The machine key beside it never changes: it proves that a host which joins again, with
 * its certificate expired or lost, is the same host.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { writeFileDurably } from '@keelson/shared/exec'
import { validityOf } from '@keelson/shared/pki'
import type { Rng } from '@keelson/shared/runtime'

const VERSION = 1

/** What a host keeps of its membership. Secret: it holds the private key. */
export interface Identity {
  readonly node: string
  readonly clusterId: string
  /** Public id of the join token it joined with. */
  readonly joinTokenId: string
  readonly certificatePem: string
  readonly privateKeyPem: string
  readonly authorityPem: string
}

/** Where a host keeps who it is. */
export interface IdentityStore {
  /** Undefined for a host that has not joined. Raises DATA_LOSS when the file is damaged. */
  load(): Promise<Identity | undefined>
  save(identity: Identity): Promise<void>
  /** The machine key; made when it is first asked for. */
  machineKey(): Promise<string>
}

/** The files "identity.json" and "machine.key" of a directory, readable by their owner only. */
export function createIdentityStore(directory: string, rng: Pick<Rng, 'hex'>): IdentityStore {
  const path = join(directory, 'identity.json')
  const keyPath = join(directory, 'machine.key')
  return {
    async load() {
      const text = await readIfThere(path)
      return text === undefined ? undefined : parseIdentity(path, text)
    },
    save: (identity) =>
      writeFileDurably(path, `${JSON.stringify({ version: VERSION, ...identity }, null, 2)}\n`),
    async machineKey() {
      const known = (await readIfThere(keyPath))?.trim()
      if (known) return known
      const key = rng.hex(32)
      await writeFileDurably(keyPath, `${key}\n`)
      return key
    },
  }
}

const FIELDS = [
  'node',
  'clusterId',
  'joinTokenId',
  'certificatePem',
  'privateKeyPem',
  'authorityPem',
] as const satisfies readonly (keyof Identity)[]

function parseIdentity(path: string, text: string): Identity {
  const damaged = (cause: unknown) =>
    new KeelsonError('DATA_LOSS', `${path} is damaged`, {
      cause,
      details: ['remove it and let the host join again; its volumes do not depend on it'],
    })
  let record: Partial<Record<string, unknown>>
  try {
    record = JSON.parse(text)
    for (const field of FIELDS)
      if (typeof record?.[field] !== 'string') throw new Error(`${field} is missing`)
    validityOf(String(record.certificatePem))
  } catch (cause) {
    throw damaged(cause)
  }
  if (record.version !== VERSION)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `${path} has version ${record.version}, this agent knows ${VERSION}`,
    )
  return Object.fromEntries(FIELDS.map((field) => [field, record[field]])) as unknown as Identity
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new KeelsonError('UNAVAILABLE', `cannot read ${path}`, { cause })
  }
}
