/** What is asked of the engine, and how its answers are read. */
import {
  type Choice,
  CPU,
  type DomainRule,
  type MachineRequest,
  MEMORY,
} from '../../../coordinator/src/placement/fleet/index.ts'
import type { Pair } from './contender.ts'
import { type GanetiCluster, groupTakes, type Request } from './ganeti.ts'
import { type Loaded, MIB } from './keelson-fleet.ts'
import type { NodeLedger } from './ledger.ts'

/** Names of the nodes of a choice. */
export function pairOf(nodes: readonly NodeLedger[], { host, standby }: Choice): Pair {
  return { primary: nodes[host]!.node.name, secondary: nodes[standby]!.node.name }
}

/** A mirrored instance as a machine with a new volume, on the hosts of a mask. */
export function requestOf(
  wanted: Request,
  mask: Uint8Array,
  name: string,
  seed: number,
  spread: readonly DomainRule[] = [],
): MachineRequest {
  return {
    name,
    amounts: [
      { column: MEMORY, amount: wanted.memMib * MIB },
      { column: CPU, amount: wanted.vcpus * 1000 },
    ],
    hosts: mask,
    volumes: [
      {
        ...{ name, sizeBytes: wanted.diskMib * MIB, replicas: 2, pools: mask },
        ...{ spread, preference: undefined },
      },
    ],
    ...{ attached: [], locality: 'Required', standby: 'Replica' },
    ...{ numa: undefined, preference: undefined, seed },
  }
}

/** Usable hosts of each group. A changed mask is a new array, as the chooser asks for. */
export function createMasks(cluster: GanetiCluster, { nodes, spindleUse }: Loaded) {
  const usable = ({ node, online, index, spindleLimit }: NodeLedger) =>
    online && !node.exclusiveStorage && spindleUse[index]! + 1 <= spindleLimit
  const maskOf = (uuid: string) =>
    Uint8Array.from(nodes, (one) => (one.node.group === uuid && usable(one) ? 1 : 0))
  const groups = cluster.groups.map((group) => ({ group, mask: maskOf(group.uuid) }))
  const domains = Int32Array.from(nodes, ({ node }) =>
    cluster.groups.findIndex(({ uuid }) => uuid === node.group),
  )
  const sameGroup: readonly DomainRule[] =
    groups.length > 1 ? [{ domains, mode: 'Same', maximumPerDomain: 2 }] : []
  return {
    sameGroup,
    /** For groups that take it, the preferred ones apart from the last resort. */
    of: (wanted: Request) =>
      (['preferred', 'last_resort'] as const).map((policy) =>
        groups
          .filter(({ group }) => group.allocPolicy === policy && groupTakes(cluster, group, wanted))
          .map(({ mask }) => mask),
      ),
    groupOf: (host: number) =>
      groups.find(({ group }) => group.uuid === nodes[host]!.node.group)!.mask,
    /** Looks again at a host that took something. */
    filled(host: number) {
      if (usable(nodes[host]!)) return
      for (const one of groups) if (one.mask[host] === 1) one.mask = maskOf(one.group.uuid)
    },
  }
}
