/** How many more of each flavor fit: as it is, and while a host or a failure domain may be lost. */
import {
  type CapacityCount,
  type DomainCapacity,
  type Flavor,
  type FlavorCapacity,
  parseSelector,
} from '@keelson/shared/model'
import {
  bindingResources,
  type CapacityOptions,
  countByDomain,
  countCapacity,
} from '../capacity/index.ts'
import { createFleet, type Fleet, type MachineRequest, type StandbyMode } from '../fleet/index.ts'
import { assignStandbys, compareNatural, counted, domainName } from '../guarantee/index.ts'
import type { FleetView } from '../view/index.ts'
import { compileFlavor, placedRules } from './state-world.ts'

/** What is counted where. */
export interface CapacityQuestion {
  /** Node label of the domains. */
  readonly failureDomain: string
  /** Only hosts with matching labels; empty counts all. */
  readonly labelSelector: string
  /** Part of the usual effort for each flavor; left out: 1, which is a second or two. */
  readonly effort?: number
}

/**
 * Counts flavors, each by itself in the cluster as the view is now. The counter raises what
 * compiling a flavor raises.
 */
export function createFlavorCounter(
  view: FleetView,
  { effort = 1, failureDomain, labelSelector }: CapacityQuestion,
): (flavor: Flavor) => FlavorCapacity {
  const selected = labelSelector === '' ? undefined : selectedHosts(view, labelSelector)
  const byNode = lossFleet(view, '')
  const byDomain = lossFleet(view, failureDomain)
  const options = { seed: 0, effort }
  return (flavor) => {
    const request = restrict(view.fleet, requestOf(view, flavor), selected)
    const now = countIn(view.fleet, request, options, '')
    return {
      flavor: flavor.name,
      now,
      withNodeLoss: atMost(now, withLoss(byNode, request, '', options)),
      withDomainLoss: atMost(now, withLoss(byDomain, request, failureDomain, options)),
      domains: domainsOf(view.fleet, request, failureDomain, options),
    }
  }
}

/** Policies may forbid now what the loss of less would leave room for. */
function atMost(now: CapacityCount, count: CapacityCount): CapacityCount {
  return count.count > now.upperBound ? now : count
}

function selectedHosts({ fleet }: FleetView, labelSelector: string): Uint8Array {
  const selects = parseSelector(labelSelector)
  return Uint8Array.from(fleet.hosts, ({ labels }) => Number(selects(labels)))
}

/** A volume alone is a machine that needs nothing but to be beside its data. */
function requestOf(view: FleetView, flavor: Flavor): MachineRequest {
  const wanted = compileFlavor(view, flavor, flavor.name)
  const request: MachineRequest =
    wanted.type === 'Machine'
      ? wanted.request
      : {
          ...{ name: flavor.name, amounts: [], hosts: undefined, volumes: [wanted.request] },
          ...{ attached: [], locality: 'Required', standby: 'None', numa: undefined },
          ...{ preference: undefined, seed: wanted.seed },
        }
  return wanted.possible ? request : { ...request, hosts: new Uint8Array(view.fleet.hostCount) }
}

function restrict(
  { poolHost }: Fleet,
  request: MachineRequest,
  selected: Uint8Array | undefined,
): MachineRequest {
  if (!selected) return request
  const both = (mask: Uint8Array | undefined) =>
    mask ? mask.map((open, host) => open & selected[host]!) : selected
  return {
    ...request,
    hosts: both(request.hosts),
    volumes: request.volumes.map((volume) => ({
      ...volume,
      pools: Uint8Array.from(
        poolHost,
        (host, pool) => (volume.pools?.[pool] ?? 1) & selected[host]!,
      ),
    })),
  }
}

/** A fleet in which room is kept for the loss of a domain, also for what stands already. */
interface LossFleet {
  readonly fleet: Fleet
  /** Machines that nothing can stand by for. */
  readonly unprotected: number
}

function lossFleet(view: FleetView, lossLabel: string): LossFleet {
  const { columns, hosts, machines, poolCapacity, pools, volumes } = view.fleet
  const names = columns.map(({ name }) => name)
  const fleet = createFleet({
    hosts: hosts.map((host, row) => ({
      ...host,
      capacity: Object.fromEntries(columns.map(({ capacity, name }) => [name, capacity[row]!])),
    })),
    pools: pools.map((pool, row) => ({ ...pool, capacityBytes: poolCapacity[row]! })),
    columns: names.slice(2),
    standbyColumns: names,
    lossLabel,
  })
  for (const volume of volumes.values()) fleet.putVolume(volume)
  for (const machine of machines.values()) fleet.putMachine(machine)
  const { assigned, impossible } = assignStandbys(fleet, placedRules(view))
  for (const { machine, standby } of assigned)
    fleet.putMachine({ ...fleet.machines.get(machine)!, standby })
  return { fleet, unprotected: impossible.length }
}

function withLoss(
  { fleet, unprotected }: LossFleet,
  request: MachineRequest,
  label: string,
  options: CapacityOptions,
): CapacityCount {
  const lost = label === '' ? 'host' : domainName(label, '').replace(/^no /, '')
  if (request.volumes.some(({ replicas }) => replicas === 1))
    return nothing(`a volume with one replica is lost with its ${lost}`)
  const alone = request.amounts.length === 0
  const standby: StandbyMode = request.locality === 'Required' ? 'Replica' : 'Any'
  const domains = fleet.domainsOf(label)
  const apart = { domains, mode: 'Different' as const }
  const volumes = request.volumes.map((volume) => {
    // Of an even number half may be lost: the tie-breaker stands elsewhere.
    const maximumPerDomain = Math.floor(volume.replicas / 2)
    return { ...volume, spread: [...volume.spread, { ...apart, maximumPerDomain }] }
  })
  const kept = { ...request, volumes, standby: alone ? ('None' as const) : standby }
  const already =
    unprotected > 0 ? `; ${counted(unprotected, 'machine')} there could not start again today` : ''
  return countIn(fleet, kept, options, already)
}

function nothing(summary: string): CapacityCount {
  return { count: 0, upperBound: 0, bindingResource: 'domains', summary: `none fit: ${summary}` }
}

function countIn(
  fleet: Fleet,
  request: MachineRequest,
  options: CapacityOptions,
  remark: string,
): CapacityCount {
  const { count, resources, upperBound } = countCapacity(fleet, request, options)
  return toCount(count, upperBound, bindingOf(resources), remark)
}

function toCount(
  count: number,
  bound: number,
  bindingResource: string,
  remark: string,
): CapacityCount {
  // A flavor that takes nothing has no bound.
  const upperBound = Number.isFinite(bound) ? bound : Number.MAX_SAFE_INTEGER
  const proof = count === bound ? 'and no more' : `at most ${upperBound} by proof`
  const first =
    bindingResource === '' ? '' : `; ${bindingResource} ${LIMITS[bindingResource] ?? RUNS_OUT}`
  return { count, upperBound, bindingResource, summary: `${count} fit, ${proof}${first}${remark}` }
}

const RUNS_OUT = 'runs out first'
const LIMITS: Readonly<Record<string, string>> = {
  vcpus: 'run out first',
  hugepages: 'run out first',
  devices: 'run out first',
  domains: 'are what limits it',
}

/** The first of what limits a flavor that has a name in the contract. */
function bindingOf(resources: readonly { readonly name: string }[]): string {
  for (const { name } of resources) {
    if (name === 'cpu') return 'vcpus'
    if (name.startsWith('hugepages')) return 'hugepages'
    if (name.startsWith('device/')) return 'devices'
    if (name === 'memory' || name === 'storage' || name === 'domains') return name
  }
  return resources.length > 0 ? 'domains' : ''
}

/** Each domain by itself, by name; hosts without the label are the one without a name. */
function domainsOf(
  fleet: Fleet,
  request: MachineRequest,
  label: string,
  options: CapacityOptions,
): DomainCapacity[] {
  const domains = fleet.domainsOf(label)
  const within = (domain: string) =>
    Uint8Array.from(fleet.hosts, ({ labels, name }, host) => {
      const own = label === '' ? name : (labels[label] ?? '')
      return own === domain ? (request.hosts?.[host] ?? 1) : 0
    })
  const effort = (options.effort ?? 1) / Math.max(1, new Set(domains).size)
  const found = countByDomain(fleet, request, label, options).map(
    ({ count, domain, upperBound }): DomainCapacity => {
      const inside = { ...request, hosts: within(domain) }
      const binding = bindingOf(bindingResources(fleet, inside, upperBound, effort))
      return { domain, capacity: toCount(count, upperBound, binding, '') }
    },
  )
  if (domains.includes(-1))
    found.push({
      domain: '',
      capacity: countIn(fleet, { ...request, hosts: within('') }, options, ''),
    })
  return found.sort((a, b) => compareNatural(a.domain, b.domain))
}
