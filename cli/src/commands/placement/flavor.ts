/**
 * Short texts for things that do not exist: "100GiB,r3,class=fast" is a volume,
 * "4cpu,16GiB,100GiB,r2" a machine. A text with CPUs is a machine: its first size is its memory,
 * every further one a volume of its own.
 */
import {
  ComputeDemand,
  CpuPolicy,
  type Flavor,
  VirtualMachineDemand,
  VolumeDemand,
  VolumeLocality,
} from '@keelson/shared/api'
import { parseSize } from '@keelson/shared/model'
import { usageError } from '../../errors/index.ts'

/** What a flavor can say, for help texts. */
export const FLAVOR_HELP =
  'A volume is written as its size, such as 100GiB,r3,class=fast. A machine is written with CPUs ' +
  'and memory, then the sizes of its new volumes, such as 4cpu,16GiB,100GiB,r2. Words: rN for ' +
  'replicas, class=NAME, pool=NAME, tenant=NAME; for machines also dedicated, local (its data ' +
  'must be on its host), hugepages=2MiB or 1GiB, device=VENDOR:PRODUCT or a resource, volume=NAME ' +
  'for one that exists, network=NAME.'

const SIZE = /^\d+(\.\d+)?\s*([kKMGTP](i?B?)?|B)?$/
const CPUS = /^(\d+)\s*v?cpus?$/i
/** A machine has no more; larger numbers would not fit the request. */
const MOST_CPUS = 1024
const REPLICAS = /^r(\d)$/

/** Whether a word is a flavor rather than a name. */
export function isFlavor(text: string): boolean {
  return text.includes(',') || CPUS.test(text) || /^\d+(\.\d+)?[kKMGTP]/.test(text)
}

/** The words of a flavor, sorted by what they mean. */
interface Words {
  readonly cpus: number
  readonly sizes: readonly number[]
  readonly replicas: number
  readonly switches: ReadonlySet<string>
  readonly values: ReadonlyMap<string, readonly string[]>
}

const SWITCHES = ['dedicated', 'local']
const KEYS = ['class', 'pool', 'tenant', 'hugepages', 'device', 'volume', 'network']

function wordsOf(text: string): Words {
  let cpus = 0
  let replicas = 0
  const sizes: number[] = []
  const switches = new Set<string>()
  const values = new Map<string, string[]>()
  for (const word of text.split(',').map((part) => part.trim())) {
    const at = word.indexOf('=')
    const key = word.slice(0, at)
    if (at > 0 && KEYS.includes(key))
      values.set(key, [...(values.get(key) ?? []), word.slice(at + 1)])
    else if (CPUS.test(word)) cpus = cpusOf(word)
    else if (REPLICAS.test(word)) replicas = Number(REPLICAS.exec(word)![1])
    else if (SIZE.test(word)) sizes.push(parseSize(word))
    else if (SWITCHES.includes(word)) switches.add(word)
    else throw usageError(`"${word}" of "${text}" is not understood`, FLAVOR_HELP)
  }
  return { cpus, sizes, replicas, switches, values }
}

function cpusOf(word: string): number {
  const cpus = Number(CPUS.exec(word)![1])
  if (cpus >= 1 && cpus <= MOST_CPUS) return cpus
  throw usageError(`"${word}" is not 1 to ${MOST_CPUS} CPUs`)
}

/** The demand of a volume such as "100GiB,r3,class=fast"; a usage error if it is none. */
export function volumeDemandOf(text: string): VolumeDemand {
  const words = wordsOf(text)
  if (words.cpus > 0) throw usageError(`"${text}" has CPUs, so it is a machine and no volume`)
  if (words.sizes.length !== 1) throw usageError(`"${text}" needs one size`)
  return newVolume(words, words.sizes[0]!)
}

/** The demand of a machine such as "4cpu,16GiB,100GiB,r2"; a usage error if it is none. */
export function machineDemandOf(text: string): VirtualMachineDemand {
  const words = wordsOf(text)
  const { cpus, sizes, switches, values } = words
  const [memoryBytes, ...volumes] = sizes
  if (cpus === 0 || memoryBytes === undefined)
    throw usageError(`"${text}" needs CPUs and memory, such as 4cpu,16GiB`)
  return VirtualMachineDemand.fromPartial({
    compute: ComputeDemand.fromPartial({
      vcpus: cpus,
      cpuPolicy: switches.has('dedicated')
        ? CpuPolicy.CPU_POLICY_DEDICATED
        : CpuPolicy.CPU_POLICY_SHARED,
      memoryBytes: BigInt(memoryBytes),
      hugepageSizeBytes: BigInt(parseSize(lastOf(values, 'hugepages') || '0')),
      devices: (values.get('device') ?? []).map(deviceOf),
    }),
    networks: [...(values.get('network') ?? [])],
    volumes: [...(values.get('volume') ?? [])],
    newVolumes: volumes.map((sizeBytes) => newVolume(words, sizeBytes)),
    volumeLocality: switches.has('local')
      ? VolumeLocality.VOLUME_LOCALITY_REQUIRED
      : VolumeLocality.VOLUME_LOCALITY_PREFERRED,
    tenant: lastOf(values, 'tenant'),
  })
}

/** Either of them, with its text as its name. */
export function flavorOf(text: string): Flavor {
  return wordsOf(text).cpus > 0
    ? { name: text, demand: { $case: 'virtualMachine', value: machineDemandOf(text) } }
    : { name: text, demand: { $case: 'volume', value: volumeDemandOf(text) } }
}

function newVolume({ replicas, values }: Words, sizeBytes: number): VolumeDemand {
  return VolumeDemand.fromPartial({
    sizeBytes: BigInt(sizeBytes),
    storageClass: lastOf(values, 'class'),
    pool: lastOf(values, 'pool'),
    replicas,
    tenant: lastOf(values, 'tenant'),
  })
}

function lastOf(values: Words['values'], key: string): string {
  return values.get(key)?.at(-1) ?? ''
}

/** "10de:1eb8" is a PCI id, anything else the name of a resource. */
function deviceOf(text: string) {
  const isPciId = /^[0-9a-f]{4}:[0-9a-f]{4}$/i.test(text)
  return { resource: isPciId ? '' : text, pciId: isPciId ? text.toLowerCase() : '', count: 1 }
}
