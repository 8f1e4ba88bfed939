/** How many more of something fit. */
import type { VirtualMachineDemand, VolumeDemand } from './placement-demand.ts'

/** Something to count or to place. */
export interface Flavor {
  /** Such as "4cpu,16GiB,100GiB,r2". */
  readonly name: string
  readonly demand:
    | { readonly type: 'VirtualMachine'; readonly virtualMachine: VirtualMachineDemand }
    | { readonly type: 'Volume'; readonly volume: VolumeDemand }
}

/** A count and what limits it. */
export interface CapacityCount {
  /** How many were placed in the trial. */
  readonly count: number
  /** More than this cannot be placed by anybody. */
  readonly upperBound: number
  /** "vcpus", "memory", "hugepages", "storage", "devices", "domains" or "quota". */
  readonly bindingResource: string
  /** One sentence with numbers. */
  readonly summary: string
}

/** How many fit into one failure domain. */
export interface DomainCapacity {
  /** Value of the label; empty for hosts without it. */
  readonly domain: string
  readonly capacity: CapacityCount
}

/** How many of one flavor fit. */
export interface FlavorCapacity {
  readonly flavor: string
  readonly now: CapacityCount
  /** While any one host can still be lost. */
  readonly withNodeLoss: CapacityCount
  /** While any one failure domain can still be lost. */
  readonly withDomainLoss: CapacityCount
  /** By name. */
  readonly domains: readonly DomainCapacity[]
}
