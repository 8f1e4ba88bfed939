/**
 * Placement rules judged on the records alone, with arithmetic and code of its own: nothing here
 * is shared with what chooses places. Understands what the random clusters of its tests contain:
 * selectors of the form "key=value", policies that refuse missing labels, pools without overcommit.
 */
import type {
  AffinityRule,
  Guarantee,
  Node,
  PlacementRules,
  VirtualMachine,
  Volume,
} from '@keelson/shared/model'
import type { StateView } from '../state/index.ts'

/** Something placed, with the names of its hosts. */
interface Standing {
  readonly id: string
  readonly target: 'Volume' | 'VirtualMachine'
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly rules: PlacementRules | undefined
  readonly hosts: readonly string[]
}

/** What is broken, in words. `fresh` were placed just now: to be together binds only then. */
export function brokenPlacement(state: StateView, fresh: ReadonlySet<string>): string[] {
  const all = [...standingVolumes(state), ...standingMachines(state)]
  return [
    ...all.flatMap((one) => brokenSelection(state, one)),
    ...[...state.volumes.values()].flatMap((volume) => brokenReplicas(state, volume)),
    ...[...state.virtualMachines.values()].flatMap((machine) => brokenMachine(state, machine)),
    ...brokenCapacity(state),
    ...all.flatMap((one) => brokenAffinities(state, one, all, fresh.has(one.id))),
    ...brokenGroups(state, all),
  ]
}

/** Hosts that could not take what starts again on them when one domain of a guarantee is lost. */
export function brokenStandbys(state: StateView, { failureDomain }: Guarantee): string[] {
  const kept = new Map<string, number>()
  const broken: string[] = []
  for (const { meta, spec, status } of state.virtualMachines.values()) {
    const domain = domainOf(state, status.node, failureDomain)
    const lone = status.disks.some(({ volume }) => dataHosts(state.volumes.get(volume)!).length < 2)
    if (lone || status.node === '') continue
    if (status.standbyNode === '') broken.push(`vm/${meta.name} has no standby`)
    else if (domainOf(state, status.standbyNode, failureDomain) === domain)
      broken.push(`vm/${meta.name} and its standby are both in ${domain}`)
    const key = `${status.standbyNode} ${domain}`
    kept.set(key, (kept.get(key) ?? 0) + spec.compute.memoryBytes)
  }
  for (const [key, bytes] of kept) {
    const [host = ''] = key.split(' ')
    const needed = memoryUsed(state, host) + bytes
    if (host !== '' && needed > memoryOf(state, host))
      broken.push(`${host} cannot take over from ${key.slice(host.length + 1)}: ${needed} bytes`)
  }
  return broken
}

function* standingVolumes(state: StateView): Generator<Standing> {
  for (const volume of state.volumes.values()) {
    const { labels, name } = volume.meta
    const hosts = dataHosts(volume)
    yield { id: `volume/${name}`, target: 'Volume', name, labels, rules: volume.spec.rules, hosts }
  }
}

function* standingMachines(state: StateView): Generator<Standing> {
  for (const { meta, spec, status } of state.virtualMachines.values()) {
    const { labels, name } = meta
    const hosts = status.node === '' ? [] : [status.node]
    yield { id: `vm/${name}`, target: 'VirtualMachine', name, labels, rules: spec.rules, hosts }
  }
}

function dataHosts({ status }: Volume): string[] {
  return status.replicas.flatMap(({ node, role }) => (role === 'Diskful' ? node : []))
}

/** Value of a label of a host, undefined without it; the host itself for an empty label. */
function domainOf(state: StateView, host: string, label: string): string | undefined {
  return label === '' ? host : state.nodes.get(host)?.meta.labels[label]
}

function matches(selector: string, labels: Readonly<Record<string, string>>): boolean {
  const [key = '', value] = selector.split('=')
  return selector === '' || labels[key] === value
}

function brokenSelection(state: StateView, { hosts, id, rules }: Standing): string[] {
  return hosts.flatMap((host) => {
    const node = state.nodes.get(host)
    const say = (problem: string) => [`${id} on ${host}: ${problem}`]
    if (node?.status.phase !== 'Online' || !node.spec.schedulable) return say('takes nothing new')
    if (untolerated(node, rules)) return say('has a taint')
    if (!rules) return []
    const { excludedNodes, nodeSelector, nodes } = rules
    if (nodes.length > 0 && !nodes.includes(host)) return say('is not one of its hosts')
    if (excludedNodes.includes(host)) return say('is excluded')
    return matches(nodeSelector, node.meta.labels) ? [] : say(`has no label ${nodeSelector}`)
  })
}

function untolerated({ spec }: Node, rules: PlacementRules | undefined): boolean {
  const tolerated = rules?.tolerations ?? []
  return (spec.taints ?? []).some(
    ({ effect, key, value }) =>
      effect !== 'PreferNoSchedule' &&
      !tolerated.some(
        (one) =>
          (one.key === '' || one.key === key) &&
          (one.value === undefined || one.value === value) &&
          (one.effect === undefined || one.effect === effect),
      ),
  )
}

function brokenReplicas(state: StateView, volume: Volume): string[] {
  const { meta, spec, status } = volume
  const hosts = dataHosts(volume)
  const broken: string[] = []
  const wanted = spec.replicas || 1
  if (hosts.length !== wanted) broken.push(`${hosts.length} of ${wanted} replicas`)
  const all = status.replicas.map(({ node }) => node)
  if (new Set(all).size !== all.length) broken.push(`two replicas on one of ${all}`)
  for (const { failureDomain, maximumPerDomain, mode } of spec.replicaRules ?? []) {
    if (mode === 'PreferDifferent' || hosts.length < 2) continue
    const domains = hosts.map((host) => domainOf(state, host, failureDomain))
    const most = Math.max(...domains.map((one) => domains.filter((other) => other === one).length))
    if (domains.includes(undefined)) broken.push(`a host without ${failureDomain}`)
    else if (mode === 'Same' ? most < hosts.length : most > maximumPerDomain)
      broken.push(`${mode} ${maximumPerDomain} of ${failureDomain}: ${domains}`)
  }
  return broken.map((problem) => `volume/${meta.name}: ${problem}`)
}

function brokenMachine(state: StateView, { meta, spec, status }: VirtualMachine): string[] {
  if (status.node === '') return [`vm/${meta.name} has no host`]
  if (spec.volumeLocality !== 'Required') return []
  return status.disks.flatMap(({ volume }) =>
    dataHosts(state.volumes.get(volume)!).includes(status.node)
      ? []
      : [`vm/${meta.name} is not beside volume/${volume}`],
  )
}

function memoryOf(state: StateView, host: string): number {
  return state.nodes.get(host)?.status.capacity?.memoryBytes ?? 0
}

function memoryUsed(state: StateView, host: string): number {
  let bytes = 0
  for (const { spec, status } of state.virtualMachines.values())
    if (status.node === host) bytes += spec.compute.memoryBytes
  return bytes
}

function brokenCapacity(state: StateView): string[] {
  const broken: string[] = []
  for (const [host, { status }] of state.nodes.entries()) {
    const used = memoryUsed(state, host)
    if (used > memoryOf(state, host)) broken.push(`${host}: ${used} bytes of memory`)
    let cpuMillis = 0
    for (const machine of state.virtualMachines.values())
      if (machine.status.node === host) cpuMillis += (machine.spec.compute.vcpus * 1000) / 4
    if (cpuMillis > (status.capacity?.cpuMillis ?? 0)) broken.push(`${host}: ${cpuMillis} of CPU`)
  }
  const promised = new Map<string, number>()
  for (const { status } of state.volumes.values())
    for (const { node, pool, role, sizeBytes } of status.replicas)
      if (role === 'Diskful')
        promised.set(`${node}/${pool}`, (promised.get(`${node}/${pool}`) ?? 0) + sizeBytes)
  for (const [id, bytes] of promised)
    if (bytes > (state.pools.get(id)?.status.totalBytes ?? 0))
      broken.push(`pool ${id} has promised ${bytes}`)
  return broken
}

function brokenAffinities(
  state: StateView,
  subject: Standing,
  all: readonly Standing[],
  fresh: boolean,
): string[] {
  return (subject.rules?.affinities ?? []).flatMap((rule) => {
    if (rule.strength !== 'Required' || subject.hosts.length === 0) return []
    const others = all.filter(
      (other) => other.id !== subject.id && other.hosts.length > 0 && isMeant(rule, other),
    )
    const domains = (one: Standing) =>
      one.hosts.map((host) => domainOf(state, host, rule.failureDomain) ?? `no label on ${host}`)
    const own = domains(subject)
    if (rule.relation === 'Apart')
      return others
        .filter((other) => domains(other).some((domain) => own.includes(domain)))
        .map((other) => `${subject.id} is not apart from ${other.id}`)
    if (!fresh || others.length === 0) return []
    const sets = rule.names.length > 0 ? others.map(domains) : [others.flatMap(domains)]
    const beside = own.every((domain) => sets.every((set) => set.includes(domain)))
    return beside ? [] : [`${subject.id} is not together with ${rule.names}${rule.labelSelector}`]
  })
}

function isMeant({ labelSelector, names, target }: AffinityRule, other: Standing): boolean {
  if (target !== other.target || (names.length > 0 && !names.includes(other.name))) return false
  return matches(labelSelector, other.labels)
}

function brokenGroups(state: StateView, all: readonly Standing[]): string[] {
  const members = Map.groupBy(
    all.flatMap(({ hosts, id, rules }) =>
      (rules?.groups ?? []).flatMap((rule) => hosts.map((host) => ({ host, id, rule }))),
    ),
    ({ rule }) => rule.name,
  )
  return [...members].flatMap(([name, list]) => {
    const { failureDomain, maximumPerDomain, relation, strength } = list[0]!.rule
    if (strength !== 'Required') return []
    const inDomains = Map.groupBy(list, ({ host }) => domainOf(state, host, failureDomain) ?? host)
    if (relation === 'Together')
      return inDomains.size > 1 ? [`group ${name} is in ${[...inDomains.keys()]}`] : []
    return [...inDomains].flatMap(([domain, inside]) =>
      new Set(inside.map(({ id }) => id)).size > maximumPerDomain
        ? [`group ${name} has too many in ${domain}`]
        : [],
    )
  })
}
