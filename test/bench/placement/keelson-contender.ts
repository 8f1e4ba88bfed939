/** Keelson's engine as a contender. */
import { fillIdentical, placeBatch } from '../../../coordinator/src/placement/batch/index.ts'
import {
  applyChoice,
  type Chooser,
  createChooser,
} from '../../../coordinator/src/placement/choose/index.ts'
import type { Choice, MachineRequest } from '../../../coordinator/src/placement/fleet/index.ts'
import type { OnlinePlacer, Pair, PlacementContender } from './contender.ts'
import type { GanetiCluster, Request } from './ganeti.ts'
import { evacuate } from './keelson-evacuate.ts'
import { loadCluster } from './keelson-fleet.ts'
import { rebalance } from './keelson-rebalance.ts'
import { createMasks, pairOf, requestOf } from './keelson-request.ts'

const SEED = 1

/** The engine with its usual weights. */
export const keelsonContender: PlacementContender = {
  name: 'keelson',
  fill,
  place: createPlacer,
  batch,
  evacuate,
  rebalance,
}

function fill(cluster: GanetiCluster, wanted: Request): Pair[] {
  const loaded = loadCluster(cluster, wanted)
  const masks = createMasks(cluster, loaded)
  // An instance stays in one group, so groups are filled one after the other.
  return masks.of(wanted).flatMap((tier) =>
    tier.flatMap((mask) =>
      fillIdentical(loaded.fleet, requestOf(wanted, mask, 'keelson-new', SEED), {
        seed: SEED,
        effort: EFFORT,
      }).map((choice) => pairOf(loaded.nodes, choice)),
    ),
  )
}

/** A capacity report may take its time: this much more than what an API call is given. */
const EFFORT = 20

/**
 * All together; in a cluster of several groups each finds its own. The engine knows no spindles:
 * where they might run out, one by one.
 */
function batch(cluster: GanetiCluster, wanted: readonly Request[]): (Pair | null)[] {
  const loaded = loadCluster(cluster)
  if (loaded.nodes.some((one) => one.spindleUse + wanted.length > one.spindleLimit)) {
    const placer = createPlacer(cluster)
    return wanted.map((one) => placer.allocate(one))
  }
  const masks = createMasks(cluster, loaded)
  const requests = wanted.map((one, index) => {
    const usable = masks.of(one).flat()
    const mask = Uint8Array.from(loaded.nodes, (_, host) =>
      usable.some((group) => group[host] === 1) ? 1 : 0,
    )
    return requestOf(one, mask, `keelson-new-${index}`, SEED, masks.sameGroup)
  })
  const { choices } = placeBatch(loaded.fleet, requests, { seed: SEED })
  return choices.map((choice) => choice && pairOf(loaded.nodes, choice))
}

function createPlacer(cluster: GanetiCluster): OnlinePlacer {
  const loaded = loadCluster(cluster)
  const { fleet, nodes, spindleUse } = loaded
  const chooser = createChooser(fleet)
  const masks = createMasks(cluster, loaded)
  let count = 0
  return {
    allocate(wanted) {
      const found = bestChoice(chooser, masks.of(wanted), wanted, `keelson-new-${count}`, count)
      if (found === undefined) return null
      count++
      applyChoice(fleet, found.request, found.choice)
      for (const host of [found.choice.host, found.choice.standby]) {
        spindleUse[host]!++
        masks.filled(host)
      }
      return pairOf(nodes, found.choice)
    },
  }
}

/** The cheapest of all groups; of the last resort only when no other has room. */
function bestChoice(
  chooser: Chooser,
  tiers: readonly (readonly Uint8Array[])[],
  wanted: Request,
  name: string,
  seed: number,
): { request: MachineRequest; choice: Choice } | undefined {
  for (const masks of tiers) {
    const found = masks.flatMap((mask) => {
      const request = requestOf(wanted, mask, name, seed)
      const choice = chooser.choose(request)
      return choice === null ? [] : [{ request, choice }]
    })
    if (found.length > 0) return found.sort((a, b) => a.choice.cost - b.choice.cost)[0]
  }
  return undefined
}
