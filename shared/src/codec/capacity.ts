import type * as pb from '../gen/keelson/v1/placement.ts'
import type { CapacityCount, DomainCapacity, Flavor, FlavorCapacity } from '../model/index.ts'
import { virtualMachineDemandCodec, volumeDemandCodec } from './placement-demand.ts'
import { type Codec, int64, invalid, list, record, required, text } from './record.ts'

const flavorDemandCodec: Codec<pb.Flavor['demand'], Flavor['demand']> = {
  read(demand, path) {
    switch (demand?.$case) {
      case 'virtualMachine': {
        const at = `${path}.virtual_machine`
        const virtualMachine = virtualMachineDemandCodec.read(demand.value, at)
        return { type: 'VirtualMachine', virtualMachine }
      }
      case 'volume':
        return { type: 'Volume', volume: volumeDemandCodec.read(demand.value, `${path}.volume`) }
      default:
        return invalid(path, 'is missing')
    }
  },
  write: (demand) =>
    demand.type === 'Volume'
      ? { $case: 'volume', value: volumeDemandCodec.write(demand.volume) }
      : {
          $case: 'virtualMachine',
          value: virtualMachineDemandCodec.write(demand.virtualMachine),
        },
}

/** Flavor. */
export const flavorCodec = record<pb.Flavor, Flavor>({ name: text, demand: flavorDemandCodec })

/** CapacityCount. */
export const capacityCountCodec = record<pb.CapacityCount, CapacityCount>({
  count: int64,
  upperBound: int64,
  bindingResource: text,
  summary: text,
})

/** FlavorCapacity. */
export const flavorCapacityCodec = record<pb.FlavorCapacity, FlavorCapacity>({
  flavor: text,
  now: required(capacityCountCodec),
  withNodeLoss: required(capacityCountCodec),
  withDomainLoss: required(capacityCountCodec),
  domains: list(
    record<pb.DomainCapacity, DomainCapacity>({
      domain: text,
      capacity: required(capacityCountCodec),
    }),
  ),
})
