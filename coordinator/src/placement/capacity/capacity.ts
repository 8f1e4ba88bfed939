/** How many more machines of a kind a fleet has room for, and what they run out of first. */
import { countInBlocks, type FillOptions, fill, isPair } from '../batch/index.ts'
import type { ChooseWeights } from '../choose/index.ts'
import type { Fleet, MachineRequest } from '../fleet/index.ts'
import { type BindingResource, bindingResources } from './binding.ts'
import { upperBound } from './bound.ts'

/** How capacity is counted. */
export interface CapacityOptions {
  /** Equal seeds give equal answers. */
  readonly seed: number
  readonly weights?: ChooseWeights | undefined
  /** Part of the usual effort, for one of many counts; left out: 1, which is a second or two. */
  readonly effort?: number
}

/** What a fleet has room for. */
export interface Capacity {
  /**
   * Copies that were found to fit, with everything that stands left where it is; Infinity if one
   * fits that takes nothing.
   */
  readonly count: number
  /** No more than this fit, whatever one does. */
  readonly upperBound: number
  /** What they run out of first; undefined if nothing limits them. */
  readonly bindingResource: string | undefined
  /** Everything that limits the request, what binds most first. */
  readonly resources: readonly BindingResource[]
}

/**
 * How many more copies of a request fit. What has to be kept free is a matter of the fleet and of
 * the request: without standby columns, or with standby 'None', nothing is. The fleet stays as it
 * is.
 */
export function countCapacity(
  fleet: Fleet,
  request: MachineRequest,
  options: CapacityOptions,
): Capacity {
  const { effort = 1 } = options
  const bound = upperBound(fleet, request, { effort })
  const counted = countWithin(fleet, request, options, bound)
  const resources = bindingResources(fleet, request, counted.upperBound, effort)
  return { ...counted, bindingResource: resources[0]?.name, resources }
}

/** Most copies that are placed one by one, and as pairs; more are placed in blocks. */
const MOST_SINGLES = 4_000
const MOST_PAIRS = 20_000
/** So many are always placed one by one. */
const FEW = 200

function countWithin(
  fleet: Fleet,
  request: MachineRequest,
  options: FillOptions,
  bound: number,
): Pick<Capacity, 'count' | 'upperBound'> {
  if (bound === 0) return { count: 0, upperBound: 0 }
  if (bound === Infinity) {
    const fits = fill(fleet, request, { ...options, limit: 1 }).choices.length > 0
    return { count: fits ? Infinity : 0, upperBound: fits ? Infinity : 0 }
  }
  const { effort = 1 } = options
  if (bound > Math.max(FEW, effort * (isPair(request) ? MOST_PAIRS : MOST_SINGLES)))
    return { count: countInBlocks(fleet, request, bound, options), upperBound: bound }
  // Pairs know their own bound; what is filled one by one is told when it may stop.
  const limited = isPair(request) ? options : { ...options, limit: bound }
  const filling = fill(fleet, request, limited)
  return {
    count: filling.choices.length,
    upperBound: Math.min(bound, filling.bound ?? Infinity),
  }
}

/** Room of one domain. */
export interface DomainCapacity {
  /** Value of the label. */
  readonly domain: string
  /** Copies that fit if all of them run there. They may be backed up elsewhere. */
  readonly count: number
  readonly upperBound: number
}

/**
 * How many more copies fit into each domain of a node label, each domain by itself, in the order of
 * hosts. Hosts without the label are left out.
 */
export function countByDomain(
  fleet: Fleet,
  request: MachineRequest,
  label: string,
  options: CapacityOptions,
): DomainCapacity[] {
  const domains = fleet.domainsOf(label)
  const names = new Map<number, string>()
  for (const [host, domain] of domains.entries()) {
    const { labels, name } = fleet.hosts[host]!
    if (domain >= 0 && !names.has(domain)) names.set(domain, labels[label] ?? name)
  }
  const effort = (options.effort ?? 1) / names.size
  return [...names].map(([number, domain]) => {
    const within = Uint8Array.from(domains, (other) => Number(other === number))
    const bound = upperBound(fleet, request, { within, effort })
    return { domain, ...countWithin(fleet, request, { ...options, within, effort }, bound) }
  })
}
