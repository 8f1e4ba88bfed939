/** Which requests of a batch go first. */
import type { Fleet, MachineRequest, VolumeRequest } from '../fleet/index.ts'

/**
 * Indexes of requests, the hardest first: those that want the largest share of what their own
 * hosts and pools have free. Large ones and ones with few hosts are both hard by this measure.
 */
export function hardestFirst(fleet: Fleet, requests: readonly MachineRequest[]): number[] {
  const shares = requests.map((request) => dominantShare(fleet, request))
  return [...requests.keys()].sort((one, other) => shares[other]! - shares[one]! || one - other)
}

/** Largest share, over all resources, of what is free where a request may go. */
function dominantShare(fleet: Fleet, { amounts, hosts, volumes }: MachineRequest): number {
  const { columns, hostCount } = fleet
  let largest = 0
  for (const { amount, column } of amounts) {
    const { capacity, standby, used } = columns[column]!
    let free = 0
    for (let host = 0; host < hostCount; host++)
      if (hosts?.[host] !== 0)
        free += Math.max(0, capacity[host]! - used[host]! - (standby?.reserve[host] ?? 0))
    largest = Math.max(largest, amount / free)
  }
  for (const volume of volumes) largest = Math.max(largest, spaceShare(fleet, volume))
  return largest
}

function spaceShare(
  { poolCapacity, poolCount, poolPromised }: Fleet,
  { pools, replicas, sizeBytes }: VolumeRequest,
): number {
  let free = 0
  for (let pool = 0; pool < poolCount; pool++)
    if (pools?.[pool] !== 0) free += Math.max(0, poolCapacity[pool]! - poolPromised[pool]!)
  return (replicas * sizeBytes) / free
}
