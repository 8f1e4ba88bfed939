/** How many more of something fit. */
import { setImmediate } from 'node:timers/promises'
import type { PlacementServiceService } from '@keelson/shared/api'
import { flavorCapacityCodec, flavorCodec } from '@keelson/shared/codec'
import { KeelsonError } from '@keelson/shared/errors'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import { checkLabelKey, type FlavorCapacity, RACK_LABEL } from '@keelson/shared/model'
import { admitFlavor } from '../../admission/index.ts'
import { createFlavorCounter, createFleetView, fleetView } from '../../placement/index.ts'
import { reader } from '../access.ts'
import type { CurrentTerm } from '../term.ts'

/** Most flavors in one call. */
const MOST_FLAVORS = 64

/** GetCapacity. */
export function capacityHandlers(
  current: CurrentTerm,
): Pick<ServiceHandlers<typeof PlacementServiceService>, 'getCapacity'> {
  return {
    async getCapacity(request, context) {
      reader(context)
      const { pipeline } = current()
      const { state } = pipeline
      if (request.flavors.length > MOST_FLAVORS)
        throw new KeelsonError(
          'INVALID_ARGUMENT',
          `flavors: ${request.flavors.length} in one call, at most ${MOST_FLAVORS} are possible`,
        )
      const flavors = request.flavors.map((flavor, index) =>
        admitFlavor(flavorCodec.read(flavor, `flavors[${index}]`), `flavors[${index}]`),
      )
      const failureDomain = checkLabelKey(request.failureDomain || RACK_LABEL)
      const { labelSelector } = request
      const resourceVersion = BigInt(state.revision)
      // A view of its own does not follow the state while others have their turn.
      const view = flavors.length > 1 ? createFleetView(state) : fleetView(state)
      const question = { failureDomain, labelSelector, effort: 1 / flavors.length }
      const count = createFlavorCounter(view, question)
      const counts: FlavorCapacity[] = []
      for (const flavor of flavors) {
        if (counts.length > 0) await setImmediate()
        counts.push(count(flavor))
      }
      const response = { flavors: counts.map(flavorCapacityCodec.write), resourceVersion }
      await pipeline.settled()
      return response
    },
  }
}
