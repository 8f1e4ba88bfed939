import {
  ClusterServiceService,
  type ClusterStatus,
  type ControllerStatus,
  GetClusterStatusResponse,
} from '@keelson/shared/api'
import {
  age,
  type Column,
  count,
  type Description,
  describe,
  duration,
  size,
  timeAndAge,
  timestamp,
} from '../../output/index.ts'
import { present } from '../../resource/index.ts'
import { defineVerb } from '../../verb/index.ts'

/** `cluster status`. */
export const status = defineVerb({
  name: 'status',
  summary: 'show how the cluster is',
  examples: ['cluster status', 'cluster status -o json'],
  async run({ session }) {
    const client = await session.client()
    const response = await client.call(ClusterServiceService.getClusterStatus, {})
    const cluster = present(response.status, 'status')
    await session.print({
      json: GetClusterStatusResponse.toJSON(response),
      names: [`cluster/${cluster.clusterId}`],
      human({ paint, wide, nowMs }) {
        const description = describe(paint, wide)
        describeStatus(cluster, description, nowMs)
        return description.text()
      },
    })
  },
})

function describeStatus(cluster: ClusterStatus, to: Description, nowMs: number): void {
  to.fields([
    ['Cluster', cluster.clusterId],
    ['Version', cluster.version],
    ['Serving since', timeAndAge(cluster.servingSince, nowMs)],
    ['Started in', duration(cluster.startMs)],
    [
      'Store',
      `${cluster.storeEngine}, revision ${cluster.revision}, ${size(cluster.storeSizeBytes)}`,
    ],
    ['Authority until', timestamp(cluster.caExpiresAt)],
    ['Last backup', timeAndAge(cluster.lastBackupAt, nowMs) || 'none since the start'],
  ])
  const counts = Object.entries(cluster.counts).sort(([a], [b]) => (a < b ? -1 : 1))
  to.section('Counts:', (inner) =>
    inner.fields(counts.map(([name, value]) => [name, count(value)] as const)),
  )
  const columns: Column<ControllerStatus>[] = [
    { title: 'NAME', cell: ({ name }) => name },
    { title: 'PASSES', cell: ({ passes }) => count(passes), right: true },
    { title: 'LAST', cell: ({ lastStartedAt }) => age(lastStartedAt, nowMs) },
    { title: 'TOOK', cell: ({ lastDurationMs }) => duration(lastDurationMs), right: true },
    {
      title: 'ERROR',
      cell: ({ lastError }) => lastError,
      tone: (text) => (text === '-' ? 'plain' : 'bad'),
    },
  ]
  to.section('Controllers:', (inner) => inner.table(columns, cluster.controllers))
}
