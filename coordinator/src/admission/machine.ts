/** What can be said about a machine's spec without the state. */
import { isIP } from 'node:net'
import type {
  ComputeDemand,
  DeviceDemand,
  VirtualMachineDisk,
  VirtualMachineInterface,
  VirtualMachineSpec,
} from '@keelson/shared/model'
import { checkName, formatSize } from '@keelson/shared/model'
import { admitRules, at, checkLength, checkUnique, refuse } from './rules.ts'
import { admitVolumeSpec } from './volume.ts'

const MIB = 2 ** 20
const MOST_VCPUS = 1024
/** Most memory of one guest: 64 TiB. */
const MOST_MEMORY_BYTES = 2 ** 46
const HUGEPAGE_SIZES: readonly number[] = [0, 2 * MIB, 1024 * MIB]
const MOST_DEVICES = 64
const MOST_FEATURES = 64
/** Most disks of one machine. */
export const MOST_DISKS = 64
/** Machine and new volumes are made in one transaction, with the documents of all their hosts. */
export const MOST_NEW_VOLUMES = 8
const MOST_INTERFACES = 32

const PCI_ID = /^[0-9a-f]{4}:[0-9a-f]{4}$/
const RESOURCE = /^[A-Za-z0-9]([-A-Za-z0-9_./]{0,251}[A-Za-z0-9])?$/
const WORD = /^[A-Za-z0-9][-A-Za-z0-9_.]{0,62}$/
const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/

/**
 * The spec of a machine with the names of its new volumes filled in. Raises INVALID_ARGUMENT with
 * the path of the field.
 */
export function admitMachineSpec(name: string, spec: VirtualMachineSpec): VirtualMachineSpec {
  checkCompute(spec.compute, 'spec.compute')
  const { disks, interfaces } = spec
  checkLength('spec.disks', disks, MOST_DISKS)
  checkLength('spec.interfaces', interfaces, MOST_INTERFACES)
  for (const [index, item] of interfaces.entries())
    checkInterface(item, `spec.interfaces[${index}]`)
  checkUnique(
    'spec.interfaces',
    interfaces.map((item) => item.name),
  )
  return {
    ...spec,
    rules: admitRules(spec.rules, 'spec.rules'),
    disks: admitDisks(name, disks),
  }
}

/** INVALID_ARGUMENT with the path of the field if no machine can be like this. */
export function checkCompute(compute: ComputeDemand, path: string): void {
  const { cpuFeatures, cpuPolicy, devices, hugepageSizeBytes, memoryBytes, vcpus } = compute
  if (vcpus < 1 || vcpus > MOST_VCPUS) refuse(`${path}.vcpus`, `${vcpus} is not 1 to ${MOST_VCPUS}`)
  if (compute.isolateEmulatorThread && cpuPolicy !== 'Dedicated')
    refuse(`${path}.isolate_emulator_thread`, 'needs dedicated CPUs')
  if (!HUGEPAGE_SIZES.includes(hugepageSizeBytes))
    refuse(`${path}.hugepage_size_bytes`, `${hugepageSizeBytes} is neither 2 MiB nor 1 GiB`)
  const unitBytes = Math.max(MIB, hugepageSizeBytes)
  if (memoryBytes <= 0 || memoryBytes > MOST_MEMORY_BYTES)
    refuse(
      `${path}.memory_bytes`,
      `${memoryBytes} is not 1 MiB to ${formatSize(MOST_MEMORY_BYTES)}`,
    )
  if (memoryBytes % unitBytes !== 0)
    refuse(`${path}.memory_bytes`, `${memoryBytes} is not a multiple of ${formatSize(unitBytes)}`)
  checkLength(`${path}.devices`, devices, MOST_DEVICES)
  for (const [index, device] of devices.entries()) checkDevice(device, `${path}.devices[${index}]`)
  checkLength(`${path}.cpu_features`, cpuFeatures, MOST_FEATURES)
  checkWord(`${path}.cpu_model`, compute.cpuModel)
  checkWord(`${path}.architecture`, compute.architecture)
  for (const [index, feature] of cpuFeatures.entries())
    checkWord(`${path}.cpu_features[${index}]`, feature)
  if (compute.confidentialMode && compute.architecture !== 'amd64')
    refuse(`${path}.confidential_mode`, `${compute.confidentialMode} exists on amd64 only`)
}

function checkWord(path: string, word: string): void {
  if (!WORD.test(word)) refuse(path, `"${word.slice(0, 80)}" is not a word`)
}

function checkDevice({ count, pciId, resource }: DeviceDemand, path: string): void {
  if ((resource === '') === (pciId === ''))
    refuse(path, 'one of resource and pci_id tells the sort of device')
  if (resource !== '' && !RESOURCE.test(resource))
    refuse(`${path}.resource`, `"${resource.slice(0, 80)}" is not the name of a resource`)
  if (pciId !== '' && !PCI_ID.test(pciId))
    refuse(`${path}.pci_id`, `"${pciId.slice(0, 80)}" is not like "10de:1eb8"`)
  if (count > MOST_DEVICES)
    refuse(`${path}.count`, `${count} devices, at most ${MOST_DEVICES} are possible`)
}

function admitDisks(
  machine: string,
  disks: readonly VirtualMachineDisk[],
): readonly VirtualMachineDisk[] {
  const admitted = disks.map((disk, index) => admitDisk(machine, disk, `spec.disks[${index}]`))
  checkUnique(
    'spec.disks',
    disks.map(({ name }) => name),
  )
  checkUnique('spec.disks', admitted.map(volumeOf))
  const made = disks.filter(({ source }) => source.type === 'NewVolume')
  if (made.length > MOST_NEW_VOLUMES)
    refuse('spec.disks', `${made.length} new volumes, at most ${MOST_NEW_VOLUMES} are possible`)
  return admitted
}

function volumeOf({ source }: VirtualMachineDisk): string {
  return source.type === 'Volume' ? source.volume : source.newVolume.name
}

function admitDisk(machine: string, disk: VirtualMachineDisk, path: string): VirtualMachineDisk {
  const { name, source } = disk
  at(`${path}.name`, () => checkName('disk', name))
  if (source.type === 'Volume') {
    at(`${path}.volume`, () => checkName('volume', source.volume))
    return disk
  }
  const { newVolume } = source
  const volume = newVolume.name || `${machine}-${name}`
  at(`${path}.new_volume.name`, () => checkName('volume', volume))
  const specPath = `${path}.new_volume.spec`
  const spec = at(specPath, () => admitVolumeSpec(newVolume.spec, 'spec'))
  return { ...disk, source: { type: 'NewVolume', newVolume: { ...newVolume, name: volume, spec } } }
}

function checkInterface(item: VirtualMachineInterface, path: string): void {
  const { ipAddresses, macAddress, name, network } = item
  at(`${path}.name`, () => checkName('interface', name))
  at(`${path}.network`, () => checkName('network', network))
  if (macAddress !== '' && !MAC.test(macAddress))
    refuse(`${path}.mac_address`, `"${macAddress.slice(0, 80)}" is not like "52:54:00:12:34:56"`)
  if (macAddress !== '' && Number.parseInt(macAddress.slice(0, 2), 16) % 2 === 1)
    refuse(`${path}.mac_address`, `${macAddress} is an address of a group`)
  const families = ipAddresses.map((address, index) => {
    const family = isIP(address)
    if (family === 0)
      refuse(`${path}.ip_addresses[${index}]`, `"${address.slice(0, 80)}" is not an IP address`)
    return family
  })
  if (new Set(families).size !== families.length)
    refuse(`${path}.ip_addresses`, 'at most one address of each family is possible')
}
