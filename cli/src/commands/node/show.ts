import {
  GetNodeResponse,
  type HardwareInventory,
  NodeServiceService,
  type StoragePool,
  StoragePoolServiceService,
} from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { type Client, listPages } from '../../client/index.ts'
import { describe } from '../../output/index.ts'
import { present } from '../../resource/index.ts'
import { argument, defineVerb } from '../../verb/index.ts'
import { poolKind } from '../pool/index.ts'
import { hardwareSummary } from './hardware/index.ts'
import { nodeKind } from './kind.ts'

/** `node show`. */
export const show = defineVerb({
  name: 'show',
  summary: 'show a host: liveness, conditions, capacity, pools, hardware in a line',
  args: { name: argument('name of the host', 'node') },
  examples: ['node show n1', 'node show n1 -o json'],
  async run({ args: { name }, session }) {
    const client = await session.client()
    const response = await client.call(NodeServiceService.getNode, { name })
    const node = present(response.node, `node "${name}"`)
    const forPeople = session.format === 'table' || session.format === 'wide'
    const pools = forPeople ? await poolsOf(name, client) : []
    const summary = forPeople ? hardwareSummary(await hardwareOf(name, client)) : ''
    await session.print({
      json: GetNodeResponse.toJSON(response),
      names: [`node/${name}`],
      human({ paint, wide, nowMs }) {
        const description = describe(paint, wide)
        nodeKind.describe(node, description, nowMs)
        description.section('Pools:', (inner) => inner.table(poolKind.columns(nowMs), pools))
        description.section('Hardware:', (inner) => inner.line(summary))
        return description.text()
      },
    })
  },
})

async function poolsOf(node: string, client: Client): Promise<readonly StoragePool[]> {
  const { listStoragePools } = StoragePoolServiceService
  const { items } = await listPages(
    (pageSize, pageToken) =>
      client.call(listStoragePools, {
        ...{ labelSelector: '', nameFilter: '', node },
        pageSize,
        pageToken,
      }),
    (page) => page.storagePools,
  )
  return items
}

/** A host that has not reported its hardware is worth showing all the same. */
async function hardwareOf(node: string, client: Client): Promise<HardwareInventory | undefined> {
  const request = { node, sections: ['system', 'cpu', 'memory', 'disks', 'nics'] }
  try {
    return (await client.call(NodeServiceService.getNodeHardware, request)).hardware
  } catch (error) {
    if (error instanceof KeelsonError && error.code === 'NOT_FOUND') return undefined
    throw error
  }
}
