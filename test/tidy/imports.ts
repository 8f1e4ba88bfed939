/** Who imports whom, and in which directions that is allowed. */
import { posix } from 'node:path'
import { codeOf, type Source } from './source.ts'

/** What a file imports. */
export interface Import {
  readonly from: Source
  /** As it is written: "../state/index.ts", "@keelson/shared/errors", "node:fs". */
  readonly specifier: string
  /** Path of the file, for relative imports. */
  readonly target: string | undefined
  /** It is not loaded but started, as a thread. */
  readonly started: boolean
}

/** Static and dynamic imports, re-exports, and `new URL('./x.ts', import.meta.url)`. */
const SPECIFIER = /\b(?:from|import)\s+(?=['"])|\bimport\(\s*(?=['"])|\bnew URL\(\s*(?=['"])/g

/** Every import of a TypeScript file. */
export function importsOf(source: Source): Import[] {
  const code = codeOf(source.text)
  return [...code.matchAll(SPECIFIER)].flatMap((match) => {
    const open = match.index + match[0].length
    const specifier = source.text.slice(open + 1, source.text.indexOf(source.text[open]!, open + 1))
    const started = match[0].startsWith('new URL')
    if (!specifier.startsWith('.')) return { from: source, specifier, target: undefined, started }
    const target = posix.normalize(posix.join(posix.dirname(source.path), specifier))
    // A URL of something else than code (a directory of test data) is no import.
    return target.endsWith('.ts') ? { from: source, specifier, target, started } : []
  })
}

/** Rooms of the coordinator with the rooms each may use; files of src itself may use all. */
const COORDINATOR: Readonly<Record<string, readonly string[]>> = {
  config: [],
  state: [],
  store: [],
  placement: ['state'],
  decide: ['placement', 'state'],
  admission: ['decide'],
  commit: ['decide', 'state', 'store'],
  dispatch: ['admission', 'commit', 'decide', 'state'],
  controllers: ['admission', 'commit', 'decide', 'dispatch', 'state'],
  api: ['admission', 'commit', 'controllers', 'decide', 'dispatch', 'placement', 'state', 'store'],
}

/** Files that may do what others may not. */
const MAY_IMPORT: readonly {
  readonly what: RegExp
  readonly only: RegExp
  readonly why: string
}[] = [
  {
    what: /^(node:child_process|ssh2)$/,
    only: /^shared\/src\/exec\//,
    why: 'only shared/src/exec starts processes',
  },
  {
    what: /\/gen\//,
    only: /^shared\/src\/(codec|grpc|api|agent-api)\//,
    why: 'generated code stays behind codec, grpc and the api rooms',
  },
  { what: /^pino/, only: /^shared\/src\/logging\//, why: 'only shared/src/logging knows pino' },
  {
    what: /^lmdb$/,
    only: /^coordinator\/src\/store\//,
    why: 'only coordinator/src/store knows lmdb',
  },
]

/** Second doors of rooms: what a pure planner may know of a room that is not pure itself. */
const DOORS = new Set(['agent/src/storage/driver.ts'])

/** Why an import of the product, or of the help of its tests, is wrong; undefined if it is not. */
export function wrongDirection({ from, specifier, target }: Import): string | undefined {
  const restricted = MAY_IMPORT.find(
    ({ what, only }) => what.test(specifier) && !only.test(from.path) && from.kind === 'product',
  )
  if (restricted) return restricted.why
  if (target !== undefined) return wrongRelative(from, target)
  const own = /^@keelson\/([a-z]+)(.*)$/.exec(specifier)
  if (!own) return undefined
  const [, workspace = '', rest = ''] = own
  if (from.workspace === 'shared') return 'shared uses no other workspace, and itself by paths'
  if (from.workspace !== 'test' && workspace !== 'shared')
    return 'agent, coordinator and cli use shared and never each other; nobody uses test'
  return /^\/[a-z-]+$/.test(rest) ? undefined : 'a package is entered by one of its rooms'
}

function wrongRelative(from: Source, target: string): string | undefined {
  if (from.workspace !== 'test' && !target.startsWith(`${from.workspace}/src/`))
    return 'a relative import stays in its workspace'
  if (from.kind !== 'product') return undefined
  const [, , room = '', ...rest] = target.split('/')
  if (rest.length === 0 || room === from.room) return undefined
  if (room === 'testing') return 'the product does not use the help of its tests'
  if (rest.at(-1) !== 'index.ts' && room !== 'gen' && !DOORS.has(target))
    return 'a room is entered by its index.ts'
  if (from.workspace !== 'coordinator' || from.room === '') return undefined
  if (COORDINATOR[from.room]?.includes(room)) return undefined
  return `${from.room} may use ${COORDINATOR[from.room]?.join(', ') || 'no other room'}`
}

/** Groups of names that reach each other along the edges, each as one line "a → b → a". */
export function cyclesOf(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const path: string[] = []
  function visit(name: string): void {
    const at = path.indexOf(name)
    if (at >= 0) {
      found.push([...path.slice(at), name].join(' → '))
      return
    }
    if (done.has(name)) return
    path.push(name)
    for (const next of edges.get(name) ?? []) visit(next)
    path.pop()
    done.add(name)
  }
  for (const name of edges.keys()) visit(name)
  return found
}

/** Edges between files, and between the rooms of a workspace. Type imports count as well. */
export function importEdges(imports: readonly Import[]): {
  readonly files: Map<string, Set<string>>
  readonly rooms: Map<string, Set<string>>
} {
  const files = new Map<string, Set<string>>()
  const rooms = new Map<string, Set<string>>()
  const add = (edges: Map<string, Set<string>>, from: string, to: string) =>
    edges.set(from, (edges.get(from) ?? new Set()).add(to))
  for (const { from, target, started } of imports) {
    if (target === undefined || started) continue
    add(files, from.path, target)
    const [workspace, , room, inside] = target.split('/')
    const isRoom = inside !== undefined && from.room !== '' && from.room !== room
    // Tests, and the help of tests, look into rooms that use theirs.
    if (isRoom && from.kind === 'product')
      add(rooms, `${from.workspace}/${from.room}`, `${workspace}/${room}`)
  }
  return { files, rooms }
}
