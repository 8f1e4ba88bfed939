/** How many more of something fit. */
import type { PlacementServiceService } from '@keelson/shared/api'
import { flavorCapacityCodec, flavorCodec } from '@keelson/shared/codec'
import { KeelsonError } from '@keelson/shared/errors'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import { checkLabelKey, RACK_LABEL } from '@keelson/shared/model'
import { flavorCapacities, fleetView } from '../../placement/index.ts'
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
        flavorCodec.read(flavor, `flavors[${index}]`),
      )
      const failureDomain = checkLabelKey(request.failureDomain || RACK_LABEL)
      const { labelSelector } = request
      const counts = flavorCapacities(fleetView(state), flavors, { failureDomain, labelSelector })
      const response = {
        flavors: counts.map(flavorCapacityCodec.write),
        resourceVersion: BigInt(state.revision),
      }
      await pipeline.settled()
      return response
    },
  }
}
