/** What is left of a volume when hosts are lost: its data, its votes, its replicas. */
import type { Fleet, PlacedVolume } from '../fleet/index.ts'
import type { VolumeVotes } from './rules.ts'

/** What is left of a volume. */
export interface Survival {
  /** Diskful replicas on hosts left. */
  readonly replicas: number
  /** Those of them with the newest data. */
  readonly upToDate: number
  readonly votes: number
  readonly allVotes: number
  /** Whether it can be used: it has its data and, where a majority is asked for, has that too. */
  readonly usable: boolean
}

/** Looks at a volume; `lost` has 1 for every host row that is lost. */
export function survivalOf(
  { poolHost }: Fleet,
  volume: PlacedVolume,
  { stale, witnesses }: VolumeVotes,
  lost: Uint8Array,
): Survival {
  let replicas = 0
  let upToDate = 0
  for (const pool of volume.pools) {
    if (lost[poolHost[pool]!] === 1) continue
    replicas++
    if (!stale.includes(pool)) upToDate++
  }
  let votes = replicas
  for (const host of witnesses) if (lost[host] !== 1) votes++
  const allVotes = volume.pools.length + witnesses.length
  // Two votes have no majority to lose: such a volume goes on with one.
  const majority = allVotes <= 2 || votes * 2 > allVotes
  return { replicas, upToDate, votes, allVotes, usable: upToDate > 0 && majority }
}

/** Rows of the hosts left that have the newest data of a volume. */
export function hostsWithData(
  { poolHost }: Fleet,
  { pools }: PlacedVolume,
  { stale }: VolumeVotes,
  lost: Uint8Array,
): number[] {
  return pools
    .filter((pool) => lost[poolHost[pool]!] !== 1 && !stale.includes(pool))
    .map((pool) => poolHost[pool]!)
}
