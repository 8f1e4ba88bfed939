/**
 * The text format of Ganeti's htools: five sections separated by one empty line, with `|` between
 * columns. Reading accepts every column count htools accepts; writing gives all columns.
 */
import { KeelsonError } from '@keelson/shared/errors'
import type {
  GanetiCluster,
  GanetiGroup,
  GanetiInstance,
  GanetiNode,
  GanetiPolicy,
  InstanceSpec,
} from './ganeti.ts'
import { ALLOC_POLICIES, INSTANCE_STATUSES, TEMPLATES } from './ganeti.ts'

const SECTIONS = ['groups', 'nodes', 'instances', 'cluster tags', 'policies']

/** One row with what is needed to say precisely what is wrong with it. */
interface Row {
  readonly line: number
  readonly fields: readonly string[]
}

/** Reads a file. Raises INVALID_ARGUMENT with the line number when it is malformed. */
export function parseCluster(text: string): GanetiCluster {
  const [groupRows, nodeRows, instanceRows, tagRows, policyRows] = splitSections(text)
  const groups = groupRows!.map(parseGroup)
  unique('group', groups, groupRows!)
  const uuids = new Set(groups.map(({ uuid }) => uuid))
  const nodes = nodeRows!.map((row) => parseNode(row, uuids))
  unique('node', nodes, nodeRows!)
  const names = new Set(nodes.map(({ name }) => name))
  const instances = instanceRows!.map((row) => parseInstance(row, names))
  unique('instance', instances, instanceRows!)
  const owners = new Set(['', ...groups.map(({ name }) => name)])
  return {
    groups,
    nodes,
    instances,
    tags: tagRows!.map(({ fields }) => fields.join('|')),
    policies: policyRows!.map((row) => parsePolicy(row, owners)),
  }
}

/** Writes a cluster with all columns; a file written by htools or by us comes back unchanged. */
export function formatCluster({ groups, nodes, instances, tags, policies }: GanetiCluster): string {
  const sections = [
    groups.map(formatGroup),
    nodes.map(formatNode),
    instances.map(formatInstance),
    tags,
    policies.map(formatPolicy),
  ]
  return sections.map((lines) => lines.map((line) => `${line}\n`).join('')).join('\n')
}

/** An empty section has no line of its own, so two empty lines stand next to each other. */
function splitSections(text: string): Row[][] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const sections: Row[][] = [[]]
  for (const [index, line] of lines.entries()) {
    if (line === '') sections.push([])
    else sections.at(-1)!.push({ line: index + 1, fields: line.split('|') })
  }
  if (sections.length === SECTIONS.length - 1) sections.push([])
  if (sections.length !== SECTIONS.length)
    throw wrong(lines.length, `${sections.length} sections instead of 4 or 5`)
  return sections
}

function parseGroup({ line, fields }: Row): GanetiGroup {
  const [name = '', uuid = '', policy = '', tags, networks = ''] = fields
  if (tags === undefined) throw wrong(line, `a group has 4 or 5 columns, not ${fields.length}`)
  return {
    name,
    uuid,
    allocPolicy: word(line, 'allocation policy', policy, ALLOC_POLICIES),
    tags: list(tags),
    networks: list(networks),
  }
}

function parseNode({ line, fields }: Row, uuids: ReadonlySet<string>): GanetiNode {
  if (fields.length < 9) throw wrong(line, `a node has 9 to 15 columns, not ${fields.length}`)
  const [name = '', , , , , , , role = '', group = ''] = fields
  if (!uuids.has(group)) throw wrong(line, `node ${name} is in the unknown group "${group}"`)
  // htools takes a node without figures for one that is offline and has nothing.
  const silent = fields.slice(1, 7).includes('?')
  const size = (at: number, what: string) => (silent ? 0 : integer(line, what, fields[at]!))
  return {
    name,
    totalMemMib: size(1, 'total memory'),
    nodeMemMib: size(2, 'memory of the node itself'),
    freeMemMib: size(3, 'free memory'),
    totalDiskMib: size(4, 'total disk'),
    freeDiskMib: size(5, 'free disk'),
    cores: size(6, 'cores'),
    role: silent || role === 'Y' ? 'offline' : word(line, 'role', role, ['N', 'M'] as const),
    group,
    spindles: integer(line, 'spindles', fields[9] ?? '1'),
    tags: list(fields[10] ?? ''),
    exclusiveStorage: flag(line, 'exclusive storage', fields[11] ?? 'N'),
    freeSpindles: integer(line, 'free spindles', fields[12] ?? '0'),
    nodeVcpus: integer(line, 'vcpus of the node itself', fields[13] ?? '1'),
    cpuSpeed: decimal(line, 'cpu speed', fields[14] ?? '1.0'),
  }
}

function parseInstance({ line, fields }: Row, nodes: ReadonlySet<string>): GanetiInstance {
  if (fields.length < 10)
    throw wrong(line, `an instance has 10 to 13 columns, not ${fields.length}`)
  const [name = '', mem = '', disk = '', vcpus = '', status = '', balance = ''] = fields
  const [primary = '', secondary = '', template = '', tags = '', ...rest] = fields.slice(6)
  const [spindleUse = '1', spindles = '-', forthcoming = 'N'] = rest
  for (const node of secondary === '' ? [primary] : [primary, secondary])
    if (!nodes.has(node)) throw wrong(line, `instance ${name} is on the unknown node "${node}"`)
  if (template === 'drbd' && primary === secondary)
    throw wrong(line, `instance ${name} has ${primary} as primary and as secondary`)
  return {
    name,
    memMib: integer(line, 'memory', mem),
    diskMib: integer(line, 'disk', disk),
    vcpus: integer(line, 'vcpus', vcpus),
    status: word(line, 'status', status, INSTANCE_STATUSES),
    autoBalance: flag(line, 'auto_balance', balance),
    primary,
    secondary,
    template: word(line, 'disk template', template, TEMPLATES),
    tags: list(tags),
    spindleUse: integer(line, 'spindle use', spindleUse),
    diskSpindles: spindles === '-' ? undefined : integer(line, 'spindles', spindles),
    forthcoming: flag(line, 'forthcoming', forthcoming),
  }
}

function parsePolicy({ line, fields }: Row, owners: ReadonlySet<string>): GanetiPolicy {
  if (fields.length < 6) throw wrong(line, `a policy has 6 columns, not ${fields.length}`)
  const [owner = '', std = '', bounds = '', templates = '', vcpu = '', spindle = ''] = fields
  if (!owners.has(owner)) throw wrong(line, `the policy belongs to the unknown group "${owner}"`)
  const specs = bounds.split(';').map((spec) => parseSpec(line, spec))
  if (specs.length % 2 === 1)
    throw wrong(line, `${specs.length} bounds; every minimum needs its maximum`)
  return {
    owner,
    std: parseSpec(line, std),
    bounds: Array.from({ length: specs.length / 2 }, (_, at) => ({
      min: specs[2 * at]!,
      max: specs[2 * at + 1]!,
    })),
    templates: list(templates).map((name) => word(line, 'disk template', name, TEMPLATES)),
    vcpuRatio: decimal(line, 'vcpu ratio', vcpu),
    spindleRatio: decimal(line, 'spindle ratio', spindle),
  }
}

/** The manual lists five values, the programs write six: the last is how hard disks are used. */
function parseSpec(line: number, text: string): InstanceSpec {
  const values = text.split(',')
  if (values.length < 5) throw wrong(line, `"${text}" has ${values.length} values, not 5 or 6`)
  const value = (at: number, what: string) => integer(line, what, values[at] ?? '1')
  return {
    memMib: value(0, 'memory'),
    vcpus: value(1, 'vcpus'),
    diskMib: value(2, 'disk'),
    disks: value(3, 'count of disks'),
    nics: value(4, 'count of network cards'),
    spindleUse: value(5, 'spindle use'),
  }
}

function formatGroup({ name, uuid, allocPolicy, tags, networks }: GanetiGroup): string {
  return [name, uuid, allocPolicy, tags.join(','), networks.join(',')].join('|')
}

function formatNode(node: GanetiNode): string {
  return [
    node.name,
    ...[node.totalMemMib, node.nodeMemMib, node.freeMemMib],
    ...[node.totalDiskMib, node.freeDiskMib, node.cores],
    node.role === 'offline' ? 'Y' : node.role,
    node.group,
    node.spindles,
    node.tags.join(','),
    yesNo(node.exclusiveStorage),
    node.freeSpindles,
    node.nodeVcpus,
    showDecimal(node.cpuSpeed),
  ].join('|')
}

function formatInstance(instance: GanetiInstance): string {
  return [
    instance.name,
    ...[instance.memMib, instance.diskMib, instance.vcpus],
    instance.status,
    yesNo(instance.autoBalance),
    instance.primary,
    instance.secondary,
    instance.template,
    instance.tags.join(','),
    instance.spindleUse,
    instance.diskSpindles ?? '-',
    yesNo(instance.forthcoming),
  ].join('|')
}

function formatPolicy(policy: GanetiPolicy): string {
  return [
    policy.owner,
    formatSpec(policy.std),
    policy.bounds.flatMap(({ min, max }) => [formatSpec(min), formatSpec(max)]).join(';'),
    policy.templates.join(','),
    showDecimal(policy.vcpuRatio),
    showDecimal(policy.spindleRatio),
  ].join('|')
}

function formatSpec({ memMib, vcpus, diskMib, disks, nics, spindleUse }: InstanceSpec): string {
  return [memMib, vcpus, diskMib, disks, nics, spindleUse].join(',')
}

function yesNo(value: boolean): string {
  return value ? 'Y' : 'N'
}

/** A whole number keeps its ".0": these columns are decimals to htools. */
function showDecimal(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value)
}

function list(text: string): string[] {
  return text === '' ? [] : text.split(',')
}

function integer(line: number, what: string, text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw wrong(line, `${what} "${text}" is not a whole number`)
  return Number(text)
}

function decimal(line: number, what: string, text: string): number {
  if (!/^-?\d+(\.\d+)?(e-?\d+)?$/.test(text)) throw wrong(line, `${what} "${text}" is no number`)
  return Number(text)
}

function flag(line: number, what: string, text: string): boolean {
  return word(line, what, text, ['Y', 'N'] as const) === 'Y'
}

function word<Word extends string>(
  line: number,
  what: string,
  text: string,
  words: readonly Word[],
): Word {
  const found = words.find((one) => one === text)
  if (found === undefined) throw wrong(line, `${what} "${text}" is none of ${words.join(', ')}`)
  return found
}

function unique(
  what: string,
  things: readonly { readonly name: string }[],
  rows: readonly Row[],
): void {
  const seen = new Set<string>()
  for (const [index, { name }] of things.entries()) {
    if (name === '') throw wrong(rows[index]!.line, `the ${what} has no name`)
    if (seen.has(name)) throw wrong(rows[index]!.line, `${what} ${name} is there twice`)
    seen.add(name)
  }
}

function wrong(line: number, message: string): KeelsonError {
  return new KeelsonError('INVALID_ARGUMENT', `line ${line}: ${message}`)
}
