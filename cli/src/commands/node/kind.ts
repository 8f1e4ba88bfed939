/** How hosts are shown. */
import { type Node, type NodeResources, nodePhaseToJSON, type Taint } from '@keelson/shared/api'
import { RACK_LABEL } from '@keelson/shared/model'
import { age, type Column, size, timeAndAge, toneOf, word, yesNo } from '../../output/index.ts'
import {
  describeConditions,
  identityFields,
  type Kind,
  lifeFields,
  metaColumns,
} from '../../resource/index.ts'

const ZONE_LABEL = 'topology.kubernetes.io/zone'

/** A host's liveness as a word. */
export function nodePhase({ status }: Node): string {
  return word(nodePhaseToJSON(status?.phase ?? 0), 'NODE_PHASE_')
}

/** How hosts are shown; what has not been reported yet is not known, rather than 0. */
export const nodeKind: Kind<Node> = {
  singular: 'node',
  plural: 'nodes',
  id: ({ meta }) => meta?.name ?? '',
  columns: (nowMs) => [
    { title: 'NAME', cell: ({ meta }) => meta?.name ?? '' },
    { title: 'PHASE', cell: nodePhase, tone: toneOf },
    {
      title: 'SCHEDULABLE',
      cell: schedulable,
      tone: (text) => (text === 'yes' ? 'plain' : 'warning'),
    },
    { title: 'RACK', cell: ({ meta }) => meta?.labels[RACK_LABEL] ?? '' },
    { title: 'ZONE', cell: ({ meta }) => meta?.labels[ZONE_LABEL] ?? '', wide: true },
    { title: 'CPUS', cell: ({ status }) => cpus(status?.capacity), right: true },
    { title: 'MEMORY', cell: ({ status }) => known(status?.capacity?.memoryBytes), right: true },
    { title: 'STORAGE', cell: ({ status }) => known(status?.capacity?.storageBytes), right: true },
    { title: 'SEEN', cell: ({ status }) => age(status?.lastSeenAt, nowMs) },
    { title: 'AGENT', cell: ({ status }) => status?.agentVersion ?? '', wide: true },
    { title: 'ADDRESS', cell: ({ status }) => status?.address ?? '', wide: true },
    { title: 'OS', cell: ({ status }) => status?.os ?? '', wide: true },
    ...metaColumns<Node>(nowMs),
  ],
  describe(node, to, nowMs) {
    const { meta, spec, status } = node
    const phase = nodePhase(node)
    const behind = status && status.appliedGeneration < status.desiredGeneration
    to.fields([
      ...identityFields(meta),
      ['Phase', phase, toneOf(phase)],
      ['Last seen', timeAndAge(status?.lastSeenAt, nowMs)],
      ['Schedulable', yesNo(spec?.schedulable), spec?.schedulable ? 'plain' : 'warning'],
      ['Taints', (spec?.taints ?? []).map(taintOf).join(', '), 'warning'],
      ['Hardware profile', spec?.profile ?? ''],
      ['Simulated', status?.simulated ? 'yes: no real hardware' : '', 'warning'],
      ['Operating system', status?.os ?? ''],
      ['Agent', status?.agentVersion ?? ''],
      ['Address', status?.address ?? ''],
      ['Boot', status?.bootId ?? ''],
      [
        'Desired state',
        status ? `generation ${status.desiredGeneration}, applied ${status.appliedGeneration}` : '',
        behind ? 'warning' : 'plain',
      ],
      ['Capabilities', status?.capabilities.join(', ') ?? ''],
      ...lifeFields(meta, nowMs),
    ])
    const rows = [
      { name: 'capacity', resources: status?.capacity },
      { name: 'allocatable', resources: status?.allocatable },
    ].filter(({ resources }) => resources !== undefined)
    to.section('Resources:', (inner) => inner.table(resourceColumns, rows))
    describeConditions(to, status?.conditions ?? [], nowMs)
  },
}

/** Whether new work may come: "tainted" if only some may. */
function schedulable({ spec }: Node): string {
  return spec?.schedulable && spec.taints.length > 0 ? 'tainted' : yesNo(spec?.schedulable)
}

/** "key=value:Effect". */
function taintOf({ effect, key, value }: Taint): string {
  return `${key}${value === '' ? '' : `=${value}`}:${effect}`
}

const resourceColumns: readonly Column<{
  readonly name: string
  readonly resources: NodeResources | undefined
}>[] = [
  { title: 'WHAT', cell: ({ name }) => name },
  { title: 'CPUS', cell: ({ resources }) => cpus(resources), right: true },
  { title: 'MEMORY', cell: ({ resources }) => known(resources?.memoryBytes), right: true },
  { title: 'STORAGE', cell: ({ resources }) => known(resources?.storageBytes), right: true },
]

function cpus(resources: NodeResources | undefined): string {
  if (!resources || resources.cpuMillis === 0n) return ''
  return String(Number(resources.cpuMillis) / 1_000)
}

function known(bytes: bigint | undefined): string {
  return bytes ? size(bytes) : ''
}
