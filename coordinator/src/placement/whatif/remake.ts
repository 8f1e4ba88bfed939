/** Replicas that are lost are made again, while their volume can still be read. */
import type { Impact } from '@keelson/shared/model'
import { formatSize } from '@keelson/shared/model'
import type { Fleet, PlacedVolume } from '../fleet/index.ts'
import { addMove, addShortages, type Notes, type Play, remember } from './play.ts'
import { createPoolFinder } from './replicas.ts'

/**
 * Makes up for every replica that is not there, in the least full pool its rules allow; not for
 * those of volumes that are `lost`.
 */
export function makeReplicas(
  play: Play,
  volumes: readonly PlacedVolume[],
  lost: ReadonlyMap<string, unknown>,
  notes: Notes,
): void {
  const { down, fleet, rules, volumesBefore } = play
  const finder = createPoolFinder(fleet)
  let missingBytes = 0
  for (const volume of volumes) {
    if (lost.has(volume.name)) continue
    const room = rules.room(volume.name)
    const { witnesses } = rules.votes(volume.name)
    const pools = [...volume.pools]
    const hosts = pools.map((pool) => fleet.poolHost[pool]!).filter((host) => down[host] !== 1)
    const made: string[] = []
    let unmade = 0
    for (const [index, pool] of volume.pools.entries()) {
      const from = fleet.poolHost[pool]!
      if (down[from] !== 1) continue
      const found = finder.find(volume, room, hosts, witnesses)
      if (found < 0) {
        unmade++
        missingBytes += volume.sizeBytes
        continue
      }
      pools[index] = found
      hosts.push(fleet.poolHost[found]!)
      made.push(
        addReplica(fleet, volume, found, `the one on ${fleet.hosts[from]!.name} is lost`, notes),
      )
    }
    if (made.length > 0) {
      remember(volumesBefore, volume)
      fleet.putVolume({ ...volume, pools })
      for (const pool of [...pools, ...volume.pools]) finder.changed(pool)
    }
    if (made.length + unmade > 0)
      notes.impacts.push(reducedImpact(volume, hosts.length, made, unmade))
  }
  if (missingBytes > 0)
    addShortages(notes, [{ resource: 'storage_bytes', where: '', missing: missingBytes }])
}

function addReplica(
  fleet: Fleet,
  { name, sizeBytes }: PlacedVolume,
  pool: number,
  why: string,
  notes: Notes,
): string {
  const toNode = fleet.hosts[fleet.poolHost[pool]!]!.name
  const toPool = fleet.pools[pool]!.name
  const fullness = Math.round(
    (100 * (fleet.poolPromised[pool]! + sizeBytes)) / fleet.poolCapacity[pool]!,
  )
  addMove(notes, {
    kind: 'AddReplica',
    subject: `volume/${name}`,
    toNode,
    toPool,
    copiedBytes: sizeBytes,
    reason: `${why}; ${toNode}/${toPool} becomes ${fullness} % full`,
  })
  return `${toNode}/${toPool}`
}

function reducedImpact(
  { name, pools, sizeBytes }: PlacedVolume,
  there: number,
  made: readonly string[],
  unmade: number,
): Impact {
  const subject = `volume/${name}`
  const size = formatSize(sizeBytes)
  if (unmade === 0)
    return {
      subject,
      kind: 'RedundancyReduced',
      reason: `${there - made.length} of ${pools.length} replicas until ${size} are copied to ${made.join(' and ')}`,
    }
  return {
    subject,
    kind: 'RedundancyLost',
    reason: `${there} of ${pools.length} replicas: no allowed pool has room for ${size} more`,
  }
}
