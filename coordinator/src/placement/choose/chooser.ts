import type { Choice, Fleet, MachineRequest, VolumeRequest } from '../fleet/index.ts'
import { createCosts, fromSteps } from './cost.ts'
import { createSearchContext, search } from './search.ts'
import { createShapeCache } from './shape.ts'
import { type ChooseWeights, weightsAlone } from './weights.ts'

/**
 * Chooses places in a fleet. It sees the fleet as it is at each call. Masks, domains and
 * preferences of requests are recognised by identity: whoever changes one makes a new array.
 */
export interface Chooser {
  /**
   * The best place for a machine with its new volumes, or null if no place keeps the rules. Fit
   * into NUMA cells is not counted here: hosts without a fitting cell are left out by the mask.
   */
  choose(request: MachineRequest): Choice | null
  /** The best pools for a volume alone, or null. The seed breaks ties. */
  chooseVolume(request: VolumeRequest, seed: number): readonly number[] | null
}

/** How a chooser works. */
export interface ChooserOptions {
  /** Sorts of requests whose costs are kept; 0 prices every host anew for every decision. */
  readonly shapes: number
}

/** A chooser for a fleet. */
export function createChooser(
  fleet: Fleet,
  weights?: ChooseWeights,
  { shapes }: ChooserOptions = { shapes: 64 },
): Chooser {
  const costs = createCosts(fleet, weights)
  const context = createSearchContext(fleet, costs)
  const cache = createShapeCache(fleet, costs, shapes)
  const cacheAlone = createShapeCache(fleet, createCosts(fleet, weightsAlone(weights)), shapes)
  return {
    choose(request) {
      const found = search(context, request, cache.get(request))
      return found && { ...found, cost: fromSteps(found.cost) }
    },
    chooseVolume(request, seed) {
      const [view] = cacheAlone.get(alone(request, seed)).volumes
      view!.begin(seed)
      if (view!.complete([], Infinity) === Infinity) return null
      return Array.from(view!.found, (host) => view!.pools[host]!)
    },
  }
}

/** A volume as the only thing of a machine that needs nothing. */
function alone(volume: VolumeRequest, seed: number): MachineRequest {
  return {
    name: volume.name,
    amounts: [],
    hosts: undefined,
    volumes: [volume],
    attached: [],
    locality: 'Ignored',
    standby: 'None',
    numa: undefined,
    preference: undefined,
    seed,
  }
}

/**
 * Puts a choice on the fleet: the new volumes and the machine that uses them. Volumes that existed
 * before are not known by name here; whoever attaches them puts the machine with all names.
 */
export function applyChoice(fleet: Fleet, request: MachineRequest, choice: Choice): void {
  const { amounts, name, volumes } = request
  for (const [index, volume] of volumes.entries())
    fleet.putVolume({
      name: volume.name,
      sizeBytes: volume.sizeBytes,
      pools: choice.pools[index]!,
      pinned: false,
    })
  fleet.putMachine({
    name,
    host: choice.host,
    standby: choice.standby,
    amounts,
    volumes: volumes.map((volume) => volume.name),
    pinned: false,
  })
}
