/** A cluster as Ganeti's htools see it, and their reading of it. Sizes are MiB throughout. */

/** How willingly a group takes new instances. */
export const ALLOC_POLICIES = ['preferred', 'last_resort', 'unallocable'] as const
/** What an instance does. */
export const INSTANCE_STATUSES = [
  'running',
  'ADMIN_down',
  'ADMIN_offline',
  'USER_down',
  'ERROR_up',
  'ERROR_down',
  'ERROR_wrongnode',
  'ERROR_nodedown',
  'ERROR_nodeoffline',
] as const
/** Where an instance's disks are. */
export const TEMPLATES = [
  'drbd',
  'plain',
  'diskless',
  'file',
  'sharedfile',
  'blockdev',
  'rbd',
  'ext',
  'gluster',
] as const

/** Nodes between which instances may move. */
export interface GanetiGroup {
  readonly name: string
  readonly uuid: string
  readonly allocPolicy: (typeof ALLOC_POLICIES)[number]
  readonly tags: readonly string[]
  readonly networks: readonly string[]
}

/** One host. The free columns are what the host reported, not what follows from its instances. */
export interface GanetiNode {
  readonly name: string
  readonly totalMemMib: number
  /** What the host's own system uses. */
  readonly nodeMemMib: number
  readonly freeMemMib: number
  readonly totalDiskMib: number
  readonly freeDiskMib: number
  readonly cores: number
  /** N is online, M is online and the master. */
  readonly role: 'N' | 'M' | 'offline'
  /** UUID of its group. */
  readonly group: string
  readonly spindles: number
  readonly tags: readonly string[]
  readonly exclusiveStorage: boolean
  readonly freeSpindles: number
  readonly nodeVcpus: number
  /** Relative to a standard node of the group. */
  readonly cpuSpeed: number
}

/** One virtual machine. */
export interface GanetiInstance {
  readonly name: string
  readonly memMib: number
  readonly diskMib: number
  readonly vcpus: number
  readonly status: (typeof INSTANCE_STATUSES)[number]
  /** Memory for its failover is kept free. */
  readonly autoBalance: boolean
  readonly primary: string
  /** Empty when its disks are not mirrored. */
  readonly secondary: string
  readonly template: (typeof TEMPLATES)[number]
  readonly tags: readonly string[]
  readonly spindleUse: number
  readonly diskSpindles: number | undefined
  /** Only planned: takes no part in what nodes hold. */
  readonly forthcoming: boolean
}

/** Sizes of an instance in a policy. */
export interface InstanceSpec extends Request {
  readonly disks: number
  readonly nics: number
  readonly spindleUse: number
}

/** What a new mirrored instance asks for. */
export interface Request {
  readonly memMib: number
  readonly diskMib: number
  readonly vcpus: number
}

/** What instances may look like, and how far nodes may be used. */
export interface GanetiPolicy {
  /** Name of a group; empty for the cluster. */
  readonly owner: string
  readonly std: InstanceSpec
  /** An instance has to fit in one of these pairs. */
  readonly bounds: readonly { readonly min: InstanceSpec; readonly max: InstanceSpec }[]
  readonly templates: readonly GanetiInstance['template'][]
  /** Virtual processors for each core. */
  readonly vcpuRatio: number
  /** Spindle uses for each spindle. */
  readonly spindleRatio: number
}

/** Everything a file says. */
export interface GanetiCluster {
  readonly groups: readonly GanetiGroup[]
  readonly nodes: readonly GanetiNode[]
  readonly instances: readonly GanetiInstance[]
  readonly tags: readonly string[]
  readonly policies: readonly GanetiPolicy[]
}

const SMALLEST: InstanceSpec = {
  ...{ memMib: 128, vcpus: 1, diskMib: 1024 },
  ...{ disks: 1, nics: 1, spindleUse: 1 },
}
const LARGEST: InstanceSpec = {
  ...{ memMib: 32768, vcpus: 8, diskMib: 1048576 },
  ...{ disks: 16, nics: 8, spindleUse: 12 },
}

/** What htools assume of a group for which the file has no policy. */
export const DEFAULT_POLICY: GanetiPolicy = {
  owner: '',
  std: SMALLEST,
  bounds: [{ min: SMALLEST, max: LARGEST }],
  templates: ['drbd', 'plain'],
  vcpuRatio: 4,
  spindleRatio: 32,
}

/** Policy of a group. A group without one gets htools's own defaults, not those of the cluster. */
export function policyOfGroup(cluster: GanetiCluster, uuid: string): GanetiPolicy {
  const name = cluster.groups.find((group) => group.uuid === uuid)?.name
  return cluster.policies.findLast(({ owner }) => owner === name && owner !== '') ?? DEFAULT_POLICY
}

/** The instance a file is about: the standard one of its cluster, else of its first group. */
export function standardRequest({ policies }: GanetiCluster): Request {
  const { std } =
    policies.find(({ owner }) => owner === '') ?? policies.find(() => true) ?? DEFAULT_POLICY
  return { memMib: std.memMib, diskMib: std.diskMib, vcpus: std.vcpus }
}

/** Whether a group takes new mirrored instances of this size. */
export function groupTakes(cluster: GanetiCluster, group: GanetiGroup, wanted: Request): boolean {
  const { bounds, templates } = policyOfGroup(cluster, group.uuid)
  return (
    group.allocPolicy !== 'unallocable' &&
    templates.includes('drbd') &&
    bounds.some(({ min, max }) =>
      (['memMib', 'diskMib', 'vcpus'] as const).every(
        (size) => wanted[size] >= min[size] && wanted[size] <= max[size],
      ),
    )
  )
}

/** Whether it takes memory of its primary now. One that is stopped does not. */
export function usesMemory({ status, forthcoming }: GanetiInstance): boolean {
  const stopped = ['ADMIN_down', 'ADMIN_offline', 'USER_down', 'ERROR_down'].includes(status)
  return !stopped && !forthcoming
}

/** Whether memory is kept for it on its secondary. Also for a stopped one, as it may be started. */
export function reservesMemory(instance: GanetiInstance): boolean {
  return instance.autoBalance && usesVcpus(instance)
}

/** Whether its virtual processors count. */
export function usesVcpus({ status, forthcoming }: GanetiInstance): boolean {
  return status !== 'ADMIN_offline' && !forthcoming
}

/** Whether its disks are on its nodes, rather than on storage of their own. */
export function usesLocalDisks({ template }: GanetiInstance): boolean {
  return template === 'drbd' || template === 'plain'
}

/** A new mirrored instance, as htools would write it. */
export function newInstance(
  name: string,
  { memMib, diskMib, vcpus }: Request,
  primary: string,
  secondary: string,
): GanetiInstance {
  return {
    ...{ name, memMib, diskMib, vcpus, primary, secondary },
    status: 'running',
    autoBalance: true,
    template: 'drbd',
    tags: [],
    spindleUse: 1,
    diskSpindles: undefined,
    forthcoming: false,
  }
}

/** Tags that keep instances apart: those which begin with what a cluster tag names. */
export function exclusionTags(cluster: GanetiCluster, instance: GanetiInstance): string[] {
  const prefixes = suffixesOf(cluster.tags, 'htools:iextags:').filter((prefix) => prefix !== '')
  return instance.tags.filter((tag) => prefixes.some((prefix) => tag.startsWith(prefix)))
}

/** Failure domains of a node: tags "X:…" of the node where the cluster names X. */
export function locationTags(cluster: GanetiCluster, { tags }: Pick<GanetiNode, 'tags'>): string[] {
  const prefixes = suffixesOf(cluster.tags, 'htools:nlocation:')
  return [...new Set(tags)].filter((tag) => prefixes.some((one) => tag.startsWith(`${one}:`)))
}

/** What stands after the prefix, for the tags that have it. */
export function suffixesOf(tags: readonly string[], prefix: string): string[] {
  return tags.filter((tag) => tag.startsWith(prefix)).map((tag) => tag.slice(prefix.length))
}
