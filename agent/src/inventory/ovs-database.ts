/**
 * Which links are Open vSwitch ports, from the database's own file: the kernel knows only that a
 * link belongs to "ovs-system", not to which bridge. The file is a log of JSON transactions
 * (ovsdb(5)), so it is read without a socket or process and only when it changed.
 */
import type { LinkOvsPort } from '@keelson/shared/model'
import { hostFile } from './host-files.ts'
import type { SysReader } from './reader.ts'

/** Port by name of the link. */
export interface OvsLinks {
  readonly ports: ReadonlyMap<string, LinkOvsPort>
  /** Links that Open vSwitch itself makes. */
  readonly internal: ReadonlySet<string>
}

const FILES = [
  '/etc/openvswitch/conf.db',
  '/var/lib/openvswitch/conf.db',
  '/usr/local/etc/openvswitch/conf.db',
]
const MAX_BYTES = 32 * 2 ** 20

/** Reads the database, again only when its file changed. */
export interface OvsReader {
  /** Undefined if there is no database; a text says why one cannot be used. */
  read(reader: SysReader): OvsLinks | string | undefined
}

/** An OVS reader with its memory of the file. */
export function createOvsReader(): OvsReader {
  let stamp: string | undefined
  let links: OvsLinks | string | undefined
  return {
    read(reader) {
      const file = FILES.map((path) => hostFile(reader, path)).find((path) => reader.exists(path))
      if (file === undefined) return undefined
      const now = `${file} ${reader.stamp(file)}`
      if (now === stamp) return links
      stamp = now
      const raw = reader.bytes(file, MAX_BYTES)
      links =
        raw === undefined
          ? `${file} is not readable or larger than ${MAX_BYTES / 2 ** 20} MiB`
          : (parseOvsDatabase(raw.toString('utf8')) ?? `${file} is not a database of Open vSwitch`)
      return links
    },
  }
}

type Row = Record<string, unknown>
type Table = Map<string, Row>

/** The links of a database log; undefined if the text is none. */
export function parseOvsDatabase(log: string): OvsLinks | undefined {
  const tables = replay(log)
  if (tables === undefined) return undefined
  const ports = new Map<string, LinkOvsPort>()
  const internal = new Set<string>()
  const portTable = tables.get('Port')
  const interfaceTable = tables.get('Interface')
  for (const bridge of tables.get('Bridge')?.values() ?? []) {
    for (const portId of uuidsOf(bridge.ports)) {
      const port = portTable?.get(portId)
      for (const interfaceId of uuidsOf(port?.interfaces)) {
        const link = interfaceTable?.get(interfaceId)
        const name = link?.name
        if (typeof name !== 'string') continue
        const tag = port?.tag
        ports.set(name, {
          bridge: String(bridge.name),
          port: String(port?.name),
          ...(typeof tag === 'number' && { tag }),
        })
        // A bridge's own port is internal even where the type was left out.
        if (link?.type === 'internal' || name === bridge.name) internal.add(name)
      }
    }
  }
  return { ports, internal }
}

/** Applies every transaction of the log: each record is a header line and its JSON. */
function replay(log: string): Map<string, Table> | undefined {
  if (!log.startsWith('OVSDB JSON ')) return undefined
  const tables = new Map<string, Table>()
  let isSchema = true
  for (const line of log.split('\n')) {
    if (!line.startsWith('{')) continue
    const record = parseRecord(line)
    // A record cut short by a crash ends the log.
    if (record === undefined) break
    if (!isSchema) applyTransaction(tables, record)
    isSchema = false
  }
  return tables
}

function parseRecord(line: string): Row | undefined {
  try {
    return JSON.parse(line) as Row
  } catch {
    return undefined
  }
}

function applyTransaction(tables: Map<string, Table>, record: Row): void {
  const isDiff = record._is_diff === true
  for (const [name, changes] of Object.entries(record)) {
    if (name.startsWith('_') || typeof changes !== 'object' || changes === null) continue
    const table = tables.get(name) ?? new Map<string, Row>()
    tables.set(name, table)
    for (const [id, change] of Object.entries(changes as Row)) {
      if (change === null) table.delete(id)
      else table.set(id, applyChange(table.get(id), change as Row, isDiff))
    }
  }
}

/** A difference toggles members of a set and replaces everything else. */
function applyChange(row: Row | undefined, change: Row, isDiff: boolean): Row {
  const next: Row = { ...row, ...change }
  if (!isDiff || row === undefined) return next
  for (const column of ['ports', 'interfaces']) {
    if (!(column in change)) continue
    const members = new Set(uuidsOf(row[column]))
    for (const id of uuidsOf(change[column])) {
      if (!members.delete(id)) members.add(id)
    }
    next[column] = ['set', [...members].map((id) => ['uuid', id])]
  }
  return next
}

/** OVSDB writes one reference as ["uuid", id] and any other number as ["set", […]]. */
function uuidsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return []
  const [kind, content] = value as [unknown, unknown]
  if (kind === 'uuid' && typeof content === 'string') return [content]
  return kind === 'set' && Array.isArray(content) ? content.flatMap(uuidsOf) : []
}
