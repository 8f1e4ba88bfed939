/** Requests as Ganeti's daemon writes them for hail, one JSON document with the whole cluster. */
import {
  type GanetiCluster,
  type GanetiInstance,
  type GanetiPolicy,
  type InstanceSpec,
  newInstance,
  policyOfGroup,
  type Request,
} from './ganeti.ts'

/** What is asked for. */
export type HailRequest =
  | { readonly type: 'allocate'; readonly name: string; readonly wanted: Request }
  | { readonly type: 'multi-allocate'; readonly wanted: readonly Request[] }
  | {
      readonly type: 'node-evacuate'
      readonly node: string
      readonly mode: 'primary-only' | 'secondary-only' | 'all'
    }

/** DRBD keeps its own data beside that of the instance. */
const METADATA_MIB = 128

/** The document for a request. */
export function hailJson(cluster: GanetiCluster, request: HailRequest): string {
  const policy = policyJson(
    cluster.policies.find(({ owner }) => owner === '') ?? policyOfGroup(cluster, ''),
  )
  return JSON.stringify({
    version: 2,
    cluster_name: 'bench',
    cluster_tags: cluster.tags,
    enabled_hypervisors: ['kvm'],
    ipolicy: policy,
    nodegroups: Object.fromEntries(
      cluster.groups.map((group) => [
        group.uuid,
        {
          name: group.name,
          alloc_policy: group.allocPolicy,
          networks: group.networks,
          tags: group.tags,
          ipolicy: policyJson(policyOfGroup(cluster, group.uuid)),
        },
      ]),
    ),
    nodes: Object.fromEntries(cluster.nodes.map((node) => [node.name, nodeJson(node)])),
    instances: Object.fromEntries(
      cluster.instances.map((instance) => [instance.name, instanceJson(instance)]),
    ),
    request: requestJson(cluster, request),
  })
}

function requestJson(cluster: GanetiCluster, request: HailRequest): object {
  switch (request.type) {
    case 'allocate':
      return { ...newJson(request.name, request.wanted), type: 'allocate' }
    case 'multi-allocate':
      return {
        type: 'multi-allocate',
        instances: request.wanted.map((wanted, index) => ({
          ...newJson(`new-${String(index).padStart(4, '0')}`, wanted),
          type: 'allocate',
        })),
      }
    case 'node-evacuate': {
      const { mode, node } = request
      const affected = cluster.instances.filter(
        ({ primary, secondary }) =>
          (mode !== 'secondary-only' && primary === node) ||
          (mode !== 'primary-only' && secondary === node),
      )
      return { type: request.type, evac_mode: mode, instances: affected.map(({ name }) => name) }
    }
  }
}

function specJson({ memMib, vcpus, diskMib, disks, nics, spindleUse }: InstanceSpec): object {
  return {
    ...{ 'memory-size': memMib, 'cpu-count': vcpus, 'disk-size': diskMib },
    ...{ 'disk-count': disks, 'nic-count': nics, 'spindle-use': spindleUse },
  }
}

function policyJson({ std, bounds, templates, vcpuRatio, spindleRatio }: GanetiPolicy): object {
  return {
    std: specJson(std),
    minmax: bounds.map(({ min, max }) => ({ min: specJson(min), max: specJson(max) })),
    'disk-templates': templates,
    'vcpu-ratio': vcpuRatio,
    'spindle-ratio': spindleRatio,
  }
}

function nodeJson(node: GanetiCluster['nodes'][number]): object {
  return {
    tags: node.tags,
    ...{ primary_ip: '192.0.2.1', secondary_ip: '192.0.2.1' },
    ...{ offline: node.role === 'offline', drained: false, group: node.group },
    ...{ master_candidate: true, master_capable: true, vm_capable: true },
    ndparams: {
      spindle_count: node.spindles,
      exclusive_storage: node.exclusiveStorage,
      cpu_speed: node.cpuSpeed,
      ...{ oob_program: null, ovs: false, ovs_link: '', ovs_name: 'switch1', ssh_port: 22 },
    },
    ...{ total_memory: node.totalMemMib, reserved_memory: node.nodeMemMib },
    ...{ free_memory: node.freeMemMib, total_disk: node.totalDiskMib },
    ...{ free_disk: node.freeDiskMib, total_cpus: node.cores, reserved_cpus: node.nodeVcpus },
    ...{ total_spindles: 0, free_spindles: node.freeSpindles },
  }
}

function instanceJson(instance: GanetiInstance): object {
  const { primary, secondary, status } = instance
  const stopped = ['ADMIN_down', 'USER_down', 'ERROR_down'].includes(status)
  return {
    ...sizesJson(instance),
    tags: instance.tags,
    admin_state: status === 'ADMIN_offline' ? 'offline' : stopped ? 'down' : 'up',
    nodes: secondary === '' ? [primary] : [primary, secondary],
    nics: [{ mac: 'aa:00:00:00:00:01', ip: null, mode: 'bridged', link: 'br0', network: null }],
  }
}

function newJson(name: string, wanted: Request): object {
  return {
    name,
    ...sizesJson(newInstance(name, wanted, '', '')),
    ...{ tags: [], nics: [], required_nodes: 2 },
  }
}

function sizesJson({ memMib, vcpus, diskMib, spindleUse, template }: GanetiInstance): object {
  const size = template === 'drbd' ? diskMib - METADATA_MIB : diskMib
  return {
    ...{ memory: memMib, vcpus, spindle_use: spindleUse },
    disks: [{ size, mode: 'rw', spindles: null }],
    ...{ disk_template: template, disk_space_total: diskMib, os: 'noop', hypervisor: 'kvm' },
  }
}

/** What the reader of a request needs of the document. */
interface HailDocument {
  readonly cluster_tags: readonly string[]
  readonly nodegroups: Readonly<Record<string, HailGroup>>
  readonly nodes: Readonly<Record<string, HailNode>>
  readonly instances: Readonly<Record<string, HailInstance>>
  readonly request: { readonly memory: number; readonly vcpus: number } & Record<string, unknown>
}

interface HailGroup {
  readonly name: string
  readonly alloc_policy: GanetiCluster['groups'][number]['allocPolicy']
  readonly ipolicy: HailPolicy
}

type HailSpec = Readonly<
  Record<
    'memory-size' | 'cpu-count' | 'disk-size' | 'disk-count' | 'nic-count' | 'spindle-use',
    number
  >
>

interface HailPolicy {
  readonly std: HailSpec
  readonly minmax: readonly { readonly min: HailSpec; readonly max: HailSpec }[]
  readonly 'disk-templates': GanetiPolicy['templates']
  readonly 'vcpu-ratio': number
  readonly 'spindle-ratio': number
}

interface HailNode {
  readonly tags: readonly string[]
  readonly offline: boolean
  readonly group: string
  readonly ndparams: { readonly spindle_count: number; readonly exclusive_storage: boolean }
  readonly total_memory: number
  readonly reserved_memory: number
  readonly free_memory: number
  readonly total_disk: number
  readonly free_disk: number
  readonly total_cpus: number
  readonly reserved_cpus: number
  readonly free_spindles: number
}

interface HailInstance {
  readonly tags: readonly string[]
  readonly admin_state: 'up' | 'down' | 'offline'
  readonly nodes: readonly string[]
  readonly memory: number
  readonly vcpus: number
  readonly spindle_use: number
  readonly disk_space_total: number
  readonly disk_template: GanetiInstance['template']
}

const STATUS = { up: 'running', down: 'ADMIN_down', offline: 'ADMIN_offline' } as const

/** Reads an allocate request, as an engine has to that is started for each. */
export function parseHailJson(text: string): { cluster: GanetiCluster; wanted: Request } {
  const { cluster_tags, nodegroups, nodes, instances, request } = JSON.parse(text) as HailDocument
  const groups = Object.entries(nodegroups)
  return {
    cluster: {
      groups: groups.map(([uuid, { name, alloc_policy }]) => ({
        ...{ name, uuid, allocPolicy: alloc_policy, tags: [], networks: [] },
      })),
      nodes: Object.entries(nodes).map(([name, node]) => nodeOf(name, node)),
      instances: Object.entries(instances).map(([name, one]) => ({
        ...newInstance(
          name,
          { memMib: one.memory, diskMib: one.disk_space_total, vcpus: one.vcpus },
          one.nodes[0] ?? '',
          one.nodes[1] ?? '',
        ),
        ...{ status: STATUS[one.admin_state], template: one.disk_template },
        ...{ tags: one.tags, spindleUse: one.spindle_use },
      })),
      tags: cluster_tags,
      policies: groups.map(([, { name, ipolicy }]) => policyOf(name, ipolicy)),
    },
    wanted: {
      memMib: request.memory,
      diskMib: Number(request.disk_space_total),
      vcpus: request.vcpus,
    },
  }
}

function nodeOf(name: string, node: HailNode): GanetiCluster['nodes'][number] {
  return {
    ...{ name, totalMemMib: node.total_memory, nodeMemMib: node.reserved_memory },
    ...{ freeMemMib: node.free_memory, totalDiskMib: node.total_disk },
    ...{ freeDiskMib: node.free_disk, cores: node.total_cpus, tags: node.tags },
    role: node.offline ? 'offline' : 'N',
    group: node.group,
    spindles: node.ndparams.spindle_count,
    exclusiveStorage: node.ndparams.exclusive_storage,
    ...{ freeSpindles: node.free_spindles, nodeVcpus: node.reserved_cpus, cpuSpeed: 1 },
  }
}

function policyOf(owner: string, policy: HailPolicy): GanetiPolicy {
  return {
    owner,
    std: specOf(policy.std),
    bounds: policy.minmax.map(({ min, max }) => ({ min: specOf(min), max: specOf(max) })),
    templates: policy['disk-templates'],
    vcpuRatio: policy['vcpu-ratio'],
    spindleRatio: policy['spindle-ratio'],
  }
}

function specOf(spec: HailSpec): InstanceSpec {
  return {
    ...{ memMib: spec['memory-size'], vcpus: spec['cpu-count'], diskMib: spec['disk-size'] },
    ...{ disks: spec['disk-count'], nics: spec['nic-count'], spindleUse: spec['spindle-use'] },
  }
}
