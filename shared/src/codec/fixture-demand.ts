/** Arbitrary demands on placement, and the machines and volumes that state them. */
import fc from 'fast-check'
import type {
  AffinityRule,
  ComputeDemand,
  DeviceDemand,
  DeviceReservation,
  GroupRule,
  HostReservation,
  NewVolume,
  NumaReservation,
  PlacementRules,
  ReplicaRule,
  Toleration,
  VirtualMachine,
  VirtualMachineDemand,
  VirtualMachineDisk,
  VirtualMachineDiskStatus,
  VirtualMachineInterface,
  VirtualMachineInterfaceStatus,
  VirtualMachineSpec,
  VirtualMachineStatus,
  VolumeDemand,
  VolumeSpec,
} from '../model/index.ts'
import {
  type Arbitrary,
  big,
  bool,
  conditions,
  count,
  double,
  list,
  maybe,
  meta,
  oneOf,
  shape,
  some,
  text,
  texts,
  time,
  word,
} from './fixture-shape.ts'

/** A kind of pool. */
export const poolKind = oneOf('LVM', 'LVM_THIN', 'ZFS', 'ZFS_THIN', 'FILE', 'FILE_THIN')

/** What a taint does. */
export const taintEffect = oneOf('NoSchedule', 'PreferNoSchedule', 'NoExecute')

const relation = oneOf('Together', 'Apart')
const strength = oneOf('Required', 'Preferred')
/** A number whose zero means one. */
const positive = fc.integer({ min: 1, max: 2 ** 31 - 1 })

const rules = shape<PlacementRules>({
  nodeSelector: text,
  nodes: texts,
  excludedNodes: texts,
  tolerations: list(
    shape<Toleration>({ key: text, value: maybe(text), effect: maybe(taintEffect) }),
  ),
  affinities: list(
    shape<AffinityRule>({
      target: oneOf('Volume', 'VirtualMachine', 'Tenant'),
      names: texts,
      labelSelector: text,
      relation,
      failureDomain: text,
      strength,
      weight: double.filter((weight) => weight !== 0),
    }),
  ),
  groups: list(
    shape<GroupRule>({
      name: text,
      relation,
      failureDomain: text,
      strength,
      maximumPerDomain: positive,
    }),
  ),
  pinned: bool,
})

const replicaRule = shape<ReplicaRule>({
  failureDomain: text,
  mode: oneOf('Different', 'PreferDifferent', 'Same'),
  maximumPerDomain: positive,
})

const tieBreakerMode = oneOf('Auto', 'Never')

/** What is wanted of a volume. */
export const volumeSpec = shape<VolumeSpec>({
  sizeBytes: big,
  storageClass: text,
  pool: text,
  replicas: count,
  nodes: texts,
  sourceSnapshot: text,
  rules: maybe(rules),
  replicaRules: maybe(some(replicaRule)),
  tieBreakerMode: maybe(tieBreakerMode),
})

const compute = shape<ComputeDemand>({
  vcpus: count,
  cpuPolicy: oneOf('Shared', 'Dedicated'),
  isolateEmulatorThread: bool,
  memoryBytes: big,
  hugepageSizeBytes: big,
  numaPolicy: oneOf('Any', 'Single', 'Spread'),
  devices: list(shape<DeviceDemand>({ resource: text, pciId: text, count: positive })),
  cpuModel: word,
  cpuFeatures: texts,
  architecture: word,
  tpm: bool,
  confidentialMode: maybe(oneOf('SEV', 'SEV_ES', 'SEV_SNP', 'TDX')),
  headless: bool,
})

const volumeLocality = oneOf('Preferred', 'Required', 'Ignored')

/** A demand for a machine. */
export const anyVirtualMachineDemand = shape<VirtualMachineDemand>({
  compute,
  rules,
  networks: texts,
  volumes: texts,
  newVolumes: list(
    shape<VolumeDemand>({
      sizeBytes: big,
      storageClass: text,
      pool: text,
      poolKinds: list(poolKind),
      replicas: count,
      rules,
      replicaRules: list(replicaRule),
      tieBreakerMode,
      tenant: text,
    }),
  ),
  volumeLocality,
  tenant: text,
})

const reservation = shape<HostReservation>({
  cpuMillis: big,
  memoryBytes: big,
  overheadBytes: big,
  hugepageBytes: big,
  hugepageSizeBytes: big,
  numaNodes: list(
    shape<NumaReservation>({ numaNode: count, cpuIds: list(count), memoryBytes: big }),
  ),
  devices: list(shape<DeviceReservation>({ demandIndex: count, pciAddress: text })),
})

const diskSource: Arbitrary<VirtualMachineDisk['source']> = fc.oneof(
  text.map((volume) => ({ type: 'Volume' as const, volume })),
  shape<NewVolume>({ name: text, spec: volumeSpec, keep: bool }).map((newVolume) => ({
    type: 'NewVolume' as const,
    newVolume,
  })),
)

/** A virtual machine. */
export const anyVirtualMachine = shape<VirtualMachine>({
  meta,
  spec: shape<VirtualMachineSpec>({
    runPolicy: oneOf('Always', 'Halted', 'Manual', 'RerunOnFailure', 'Once'),
    compute,
    rules,
    disks: list(
      shape<VirtualMachineDisk>({
        name: text,
        source: diskSource,
        bus: oneOf('Virtio', 'Scsi', 'Sata'),
        readOnly: bool,
      }),
    ),
    interfaces: list(
      shape<VirtualMachineInterface>({
        name: text,
        network: text,
        macAddress: text,
        ipAddresses: texts,
      }),
    ),
    volumeLocality,
    evictionPolicy: oneOf('Migrate', 'MigrateOrRestart', 'Restart', 'Block'),
    priority: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  }),
  status: shape<VirtualMachineStatus>({
    phase: oneOf(
      'Pending',
      'Starting',
      'Running',
      'Migrating',
      'Stopping',
      'Stopped',
      'Failed',
      'Unknown',
      'Deleting',
    ),
    conditions,
    node: text,
    targetNode: text,
    reserved: maybe(reservation),
    targetReserved: maybe(reservation),
    disks: list(
      shape<VirtualMachineDiskStatus>({ name: text, volume: text, local: bool, message: text }),
    ),
    interfaces: list(
      shape<VirtualMachineInterfaceStatus>({
        name: text,
        network: text,
        macAddress: text,
        ipAddresses: texts,
        observedIpAddresses: texts,
        message: text,
      }),
    ),
    startedAt: maybe(time),
    standbyNode: text,
    lastNode: maybe(word),
  }),
})
