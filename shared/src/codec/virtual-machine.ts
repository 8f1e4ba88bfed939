import type * as pb from '../gen/keelson/v1/virtual_machine.ts'
import type {
  DeviceReservation,
  DiskBus,
  EvictionPolicy,
  HostReservation,
  NewVolume,
  NumaReservation,
  RunPolicy,
  VirtualMachine,
  VirtualMachineDisk,
  VirtualMachineDiskStatus,
  VirtualMachineInterface,
  VirtualMachineInterfaceStatus,
  VirtualMachinePhase,
  VirtualMachineSpec,
  VirtualMachineStatus,
} from '../model/index.ts'
import { conditionCodec, objectMetaCodec } from './common.ts'
import { anyRulesCodec, computeDemandCodec, volumeLocalityCodec } from './placement-demand.ts'
import {
  bool,
  type Codec,
  defaulting,
  int64,
  invalid,
  list,
  number,
  numbers,
  oneOf,
  optional,
  optionalTime,
  record,
  required,
  text,
  texts,
} from './record.ts'
import { volumeSpecCodec } from './volume.ts'

/** RunPolicy, where unset means Always. */
export const runPolicyCodec = defaulting(
  oneOf<pb.RunPolicy, RunPolicy>({
    1: 'Always',
    2: 'Halted',
    3: 'Manual',
    4: 'RerunOnFailure',
    5: 'Once',
  }),
  0,
  'Always',
)

const newVolumeCodec = record<pb.NewVolume, NewVolume>({
  name: text,
  spec: required(volumeSpecCodec),
  keep: bool,
})

const sourceCodec: Codec<pb.VirtualMachineDisk['source'], VirtualMachineDisk['source']> = {
  read(source, path) {
    switch (source?.$case) {
      case 'volume':
        return { type: 'Volume', volume: source.value }
      case 'newVolume':
        return {
          type: 'NewVolume',
          newVolume: newVolumeCodec.read(source.value, `${path}.newVolume`),
        }
      case undefined:
        return invalid(path, 'is missing: a volume or a new volume')
    }
  },
  write(source) {
    if (source.type === 'Volume') return { $case: 'volume', value: source.volume }
    return { $case: 'newVolume', value: newVolumeCodec.write(source.newVolume) }
  },
}

const diskCodec = record<pb.VirtualMachineDisk, VirtualMachineDisk>({
  name: text,
  source: sourceCodec,
  bus: defaulting(oneOf<pb.DiskBus, DiskBus>({ 1: 'Virtio', 2: 'Scsi', 3: 'Sata' }), 0, 'Virtio'),
  readOnly: bool,
})

/** VirtualMachineSpec. */
export const virtualMachineSpecCodec = record<pb.VirtualMachineSpec, VirtualMachineSpec>({
  runPolicy: runPolicyCodec,
  compute: required(computeDemandCodec),
  rules: anyRulesCodec,
  disks: list(diskCodec),
  interfaces: list(
    record<pb.VirtualMachineInterface, VirtualMachineInterface>({
      name: text,
      network: text,
      macAddress: text,
      ipAddresses: texts,
    }),
  ),
  volumeLocality: volumeLocalityCodec,
  evictionPolicy: defaulting(
    oneOf<pb.EvictionPolicy, EvictionPolicy>({
      1: 'Migrate',
      2: 'MigrateOrRestart',
      3: 'Restart',
      4: 'Block',
    }),
    0,
    'Migrate',
  ),
  priority: number,
})

const reservationCodec = record<pb.HostReservation, HostReservation>({
  cpuMillis: int64,
  memoryBytes: int64,
  overheadBytes: int64,
  hugepageBytes: int64,
  hugepageSizeBytes: int64,
  numaNodes: list(
    record<pb.NumaReservation, NumaReservation>({
      numaNode: number,
      cpuIds: numbers,
      memoryBytes: int64,
    }),
  ),
  devices: list(
    record<pb.DeviceReservation, DeviceReservation>({ demandIndex: number, pciAddress: text }),
  ),
})

const statusCodec = record<pb.VirtualMachineStatus, VirtualMachineStatus>({
  phase: oneOf<pb.VirtualMachinePhase, VirtualMachinePhase>({
    1: 'Pending',
    2: 'Starting',
    3: 'Running',
    4: 'Migrating',
    5: 'Stopping',
    6: 'Stopped',
    7: 'Failed',
    8: 'Unknown',
    9: 'Deleting',
  }),
  conditions: list(conditionCodec),
  node: text,
  targetNode: text,
  reserved: optional(reservationCodec),
  targetReserved: optional(reservationCodec),
  disks: list(
    record<pb.VirtualMachineDiskStatus, VirtualMachineDiskStatus>({
      name: text,
      volume: text,
      local: bool,
      message: text,
    }),
  ),
  interfaces: list(
    record<pb.VirtualMachineInterfaceStatus, VirtualMachineInterfaceStatus>({
      name: text,
      network: text,
      macAddress: text,
      ipAddresses: texts,
      observedIpAddresses: texts,
      message: text,
    }),
  ),
  startedAt: optionalTime,
  standbyNode: text,
  lastNode: {
    read: (value) => (value === '' ? undefined : value),
    write: (value) => value ?? '',
  },
})

/** VirtualMachine. */
export const virtualMachineCodec = record<pb.VirtualMachine, VirtualMachine>({
  meta: required(objectMetaCodec),
  spec: required(virtualMachineSpecCodec),
  status: required(statusCodec),
})
