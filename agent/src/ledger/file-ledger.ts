/**
 * The ledger of a real host: one JSON file with a checksum, replaced as a whole. A file that does
 * not match its checksum is never acted upon and never thrown away: it is put aside for a person,
 * and the host runs on without a desired document, touching nothing, until the coordinator sends
 * the next one.
 */
import { createHash } from 'node:crypto'
import { readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { syncDirectory, writeFileDurably } from '@keelson/shared/exec'
import type { DesiredState } from '@keelson/shared/model'
import { type Ledger, successorOf, withMade } from './ledger.ts'

const VERSION = 1

/** The file's content. */
interface LedgerRecord {
  readonly version: number
  readonly clusterId: string
  readonly generation: number
  /** SHA-256 of the document's JSON, lower-case hex. */
  readonly sha256: string
  readonly desired: DesiredState
}

/** What a ledger file holds. */
export type LedgerReading =
  | { readonly kind: 'Missing' }
  | { readonly kind: 'Sound'; readonly desired: DesiredState }
  | { readonly kind: 'Damaged'; readonly problem: string }

/** Settings of a file ledger. */
export interface FileLedgerOptions {
  readonly path: string
  /** Name of this host; documents for another are refused. */
  readonly node: string
  /** How the file is replaced; tests make it fail. */
  readonly write?: (path: string, text: string) => Promise<void>
}

/**
 * Opens the ledger at `path`. A damaged file is renamed to `<path>.damaged-<n>` and reported in
 * `damage` (DATA_LOSS). Raises FAILED_PRECONDITION for a file that a newer agent wrote, and for
 * one of another host; UNAVAILABLE when the disk cannot be read.
 */
export async function openFileLedger(options: FileLedgerOptions): Promise<Ledger> {
  const { path, node } = options
  const write = options.write ?? writeFileDurably
  const reading = await readLedgerFile(path)
  const damage = reading.kind === 'Damaged' ? await putAside(path, reading.problem) : undefined
  let stored = reading.kind === 'Sound' ? reading.desired : undefined
  if (stored !== undefined && stored.node !== node)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `${path} belongs to node "${stored.node}", not to "${node}"`,
      { details: [`start the agent with --node ${stored.node}, or with another --data`] },
    )
  let turn: Promise<unknown> = Promise.resolve()

  function inTurn(act: () => Promise<void>): Promise<void> {
    const result = turn.then(act)
    turn = result.catch(() => undefined)
    return result
  }
  async function put(desired: DesiredState): Promise<void> {
    await onDisk(`cannot write ${path}`, () => write(path, textOf(desired)))
    stored = desired
  }
  return {
    damage,
    current: () => stored,
    store: (desired) => inTurn(() => put(successorOf(stored, desired, node))),
    recordMade: (items) =>
      inTurn(async () => {
        const marked = stored && withMade(stored, items)
        if (marked !== undefined && marked !== stored) await put(marked)
      }),
  }
}

/** Reads a ledger file and changes nothing. Raises as `openFileLedger` does. */
export async function readLedgerFile(path: string): Promise<LedgerReading> {
  const text = await onDisk(`cannot read ${path}`, () =>
    readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    }),
  )
  if (text === undefined) return { kind: 'Missing' }
  let record: Partial<LedgerRecord>
  try {
    record = JSON.parse(text)
  } catch {
    return { kind: 'Damaged', problem: `${text.length} characters that are not JSON` }
  }
  if (record === null || typeof record !== 'object' || typeof record.version !== 'number')
    return { kind: 'Damaged', problem: 'it has no version' }
  if (record.version > VERSION)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `${path} has version ${record.version}, this agent knows ${VERSION}`,
      { details: ['a newer agent wrote it: install that one again'] },
    )
  const { desired } = record
  if (desired === undefined || hashOf(desired) !== record.sha256)
    return { kind: 'Damaged', problem: 'its checksum does not match' }
  return { kind: 'Sound', desired }
}

function textOf(desired: DesiredState): string {
  const { clusterId, generation } = desired
  const sha256 = hashOf(desired)
  const record: LedgerRecord = { version: VERSION, clusterId, generation, sha256, desired }
  return `${JSON.stringify(record)}\n`
}

function hashOf(desired: DesiredState): string {
  return createHash('sha256').update(JSON.stringify(desired)).digest('hex')
}

async function putAside(path: string, problem: string): Promise<KeelsonError> {
  let aside = ''
  for (let number = 1; aside === ''; number++) {
    const candidate = `${path}.damaged-${number}`
    const taken = await stat(candidate).catch(() => undefined)
    if (taken === undefined) aside = candidate
  }
  await onDisk(`cannot put the damaged ${path} aside`, async () => {
    await rename(path, aside)
    await syncDirectory(dirname(path))
  })
  return new KeelsonError('DATA_LOSS', `${path} is damaged: ${problem}`, {
    details: [
      `it is kept as ${aside}`,
      'nothing on this host is touched until the coordinator sends the desired document again',
    ],
  })
}

async function onDisk<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (cause) {
    throw new KeelsonError('UNAVAILABLE', what, { cause })
  }
}
