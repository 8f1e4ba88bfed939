import {
  ComputeDemand,
  CpuPolicy,
  type DeviceDemand,
  NumaPolicy,
  VolumeLocality,
} from '@keelson/shared/api'
import { usageError } from '../../errors/index.ts'
import { choice, repeated, sizeBytes, texts, toggle, wholeNumber } from '../../verb/index.ts'

const PAGE_SIZES = { '2MiB': 2n ** 21n, '1GiB': 2n ** 30n } as const
const NUMA = { single: NumaPolicy.NUMA_POLICY_SINGLE, spread: NumaPolicy.NUMA_POLICY_SPREAD }
const LOCALITIES = {
  required: VolumeLocality.VOLUME_LOCALITY_REQUIRED,
  preferred: VolumeLocality.VOLUME_LOCALITY_PREFERRED,
  ignored: VolumeLocality.VOLUME_LOCALITY_IGNORED,
}

/** What the guest gets. */
export const computeFlags = {
  cpu: wholeNumber('count', 'virtual CPUs', [1, 1024]),
  memory: sizeBytes('memory the guest sees, such as 16GiB'),
  dedicated: toggle('each virtual CPU has a logical one to itself'),
  hugepages: choice(['2MiB', '1GiB'], 'size of the pages that back its memory (ordinary ones)'),
  numa: choice(['single', 'spread'], 'on one NUMA node, or in equal parts over several (anywhere)'),
  cpuFeature: texts('name', 'CPU features the host must have; may be repeated'),
  device: repeated(
    'resource[=count]',
    'host devices: a resource name, or a PCI id such as 10de:1eb8; may be repeated',
    parseDevice,
  ),
} as const

/** Where its data is. */
export const locality = choice(
  ['required', 'preferred', 'ignored'],
  'how close it is to the data of its disks (preferred)',
)

/** What `computeFlags` give. */
export interface ComputeValues {
  readonly cpu: number | undefined
  readonly memory: bigint | undefined
  readonly dedicated: boolean
  readonly hugepages: keyof typeof PAGE_SIZES | undefined
  readonly numa: keyof typeof NUMA | undefined
  readonly cpuFeature: readonly string[]
  readonly device: readonly DeviceDemand[]
}

/** What is given, over `base`. Raises INVALID_ARGUMENT without CPUs or memory. */
export function computeOf(flags: ComputeValues, base?: ComputeDemand): ComputeDemand {
  const vcpus = flags.cpu ?? base?.vcpus
  const memoryBytes = flags.memory ?? base?.memoryBytes
  if (!vcpus || !memoryBytes) throw usageError('--cpu and --memory are needed, or a --file')
  const compute = base ?? ComputeDemand.fromPartial({})
  return {
    ...compute,
    vcpus,
    memoryBytes,
    cpuPolicy: flags.dedicated ? CpuPolicy.CPU_POLICY_DEDICATED : compute.cpuPolicy,
    hugepageSizeBytes: flags.hugepages ? PAGE_SIZES[flags.hugepages] : compute.hugepageSizeBytes,
    numaPolicy: flags.numa ? NUMA[flags.numa] : compute.numaPolicy,
    cpuFeatures: [...compute.cpuFeatures, ...flags.cpuFeature],
    devices: [...compute.devices, ...flags.device],
  }
}

/** The locality of a word; unset without one. */
export function localityOf(word: keyof typeof LOCALITIES | undefined): VolumeLocality {
  return word ? LOCALITIES[word] : VolumeLocality.VOLUME_LOCALITY_UNSPECIFIED
}

function parseDevice(value: string): DeviceDemand {
  const [, sort = '', number = '1'] = /^([^=]+)(?:=(\d{1,3}))?$/.exec(value) ?? []
  if (sort === '' || Number(number) === 0) throw usageError(`"${value}" is not resource=count`)
  const isPci = /^[0-9a-f]{4}:[0-9a-f]{4}$/.test(sort)
  return { resource: isPci ? '' : sort, pciId: isPci ? sort : '', count: Number(number) }
}
