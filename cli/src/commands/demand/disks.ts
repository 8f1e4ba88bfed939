import {
  DiskBus,
  TieBreakerMode,
  type VirtualMachineDisk,
  type VirtualMachineInterface,
  VolumeSpec,
} from '@keelson/shared/api'
import { checkName, parseSize } from '@keelson/shared/model'
import { usageError } from '../../errors/index.ts'
import { repeated } from '../../verb/index.ts'

/** A disk to be made, before it has a name. */
export interface DiskWanted {
  readonly name: string
  readonly keep: boolean
  readonly spec: VolumeSpec
}

/** A volume to be used. */
export interface VolumeWanted {
  readonly volume: string
  readonly readOnly: boolean
}

/** Disks in the order of the guest: new ones first. */
export const diskFlags = {
  disk: repeated(
    'size[,…]',
    'disk with a new volume: its size, then name=, replicas=, class=, pool=, keep; may be repeated',
    parseDisk,
  ),
  volume: repeated(
    'name[,ro]',
    'disk with a volume that exists, ro to read it only; may be repeated',
    (value): VolumeWanted => {
      const [volume = '', mode, ...rest] = value.split(',')
      if (rest.length > 0 || (mode !== undefined && mode !== 'ro'))
        throw usageError(`"${value}" is not name or name,ro`)
      return { volume: checkName('volume', volume), readOnly: mode === 'ro' }
    },
    { complete: 'volume' },
  ),
} as const

/** Networks it is plugged into. */
export const network = repeated('name', 'network it is plugged into; may be repeated', (value) =>
  checkName('network', value),
)

/** The disks; those without a name are called root, then disk1, disk2, … */
export function disksOf(
  made: readonly DiskWanted[],
  used: readonly VolumeWanted[],
  firstIndex = 0,
): VirtualMachineDisk[] {
  const bus = DiskBus.DISK_BUS_UNSPECIFIED
  return [
    ...made.map(({ keep, name, spec }, index): VirtualMachineDisk => {
      const value = { name: '', spec, keep }
      const called = name || defaultName(firstIndex + index)
      return { name: called, source: { $case: 'newVolume', value }, bus, readOnly: false }
    }),
    ...used.map(
      ({ volume, readOnly }): VirtualMachineDisk => ({
        ...{ name: volume, source: { $case: 'volume', value: volume }, bus, readOnly },
      }),
    ),
  ]
}

function defaultName(index: number): string {
  return index === 0 ? 'root' : `disk${index}`
}

/** Interfaces in the order of the guest, called eth0, eth1, … */
export function interfacesOf(
  networks: readonly string[],
  firstIndex = 0,
): VirtualMachineInterface[] {
  return networks.map((one, index) => ({
    ...{ name: `eth${firstIndex + index}`, network: one, macAddress: '', ipAddresses: [] },
  }))
}

function parseDisk(value: string): DiskWanted {
  const [size = '', ...options] = value.split(',')
  const given = new Map(
    options.map((option): [string, string] => {
      const [key = '', text = ''] = option.split('=', 2)
      return [key, text]
    }),
  )
  const take = (key: string) => {
    const found = given.get(key) ?? ''
    given.delete(key)
    return found
  }
  const keep = given.has('keep')
  given.delete('keep')
  const name = take('name')
  const replicas = Number(take('replicas') || 0)
  if (!Number.isInteger(replicas) || replicas > 8)
    throw usageError(`"${value}": replicas is not a whole number from 1 to 8`)
  const spec = VolumeSpec.fromPartial({
    sizeBytes: BigInt(parseSize(size)),
    storageClass: take('class'),
    pool: take('pool'),
    replicas,
    tieBreakerMode: TieBreakerMode.TIE_BREAKER_MODE_UNSPECIFIED,
  })
  const [unknown] = given.keys()
  if (unknown !== undefined) throw usageError(`"${value}": "${unknown}" is no option of a disk`)
  return { name: name === '' ? '' : checkName('disk', name), keep, spec }
}
