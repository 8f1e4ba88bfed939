/** How machines and their disks are shown. */
import {
  type AffinityRule,
  affinityTargetToJSON,
  type ComputeDemand,
  cpuPolicyToJSON,
  evictionPolicyToJSON,
  type GroupRule,
  type HostReservation,
  numaPolicyToJSON,
  type PlacementRules,
  RuleRelation,
  runPolicyToJSON,
  type VirtualMachine,
  type VirtualMachineDiskStatus,
  type VirtualMachineInterfaceStatus,
  virtualMachinePhaseToJSON,
} from '@keelson/shared/api'
import {
  type Column,
  exactSize,
  type Field,
  size,
  timeAndAge,
  toneOf,
  word,
  yesNo,
} from '../../output/index.ts'
import {
  describeConditions,
  identityFields,
  type Kind,
  lifeFields,
  metaColumns,
} from '../../resource/index.ts'

/** A machine's phase as a word. */
export function machinePhase({ status }: VirtualMachine): string {
  return word(virtualMachinePhaseToJSON(status?.phase ?? 0), 'VIRTUAL_MACHINE_PHASE_')
}

function runPolicy({ spec }: VirtualMachine): string {
  return word(runPolicyToJSON(spec?.runPolicy ?? 0), 'RUN_POLICY_')
}

/** How machines are shown. */
export const vmKind: Kind<VirtualMachine> = {
  singular: 'vm',
  plural: 'machines',
  id: ({ meta }) => meta?.name ?? '',
  columns: (nowMs) => [
    { title: 'NAME', cell: ({ meta }) => meta?.name ?? '' },
    { title: 'PHASE', cell: machinePhase, tone: toneOf },
    { title: 'NODE', cell: ({ status }) => status?.node ?? '' },
    { title: 'CPUS', cell: ({ spec }) => String(spec?.compute?.vcpus ?? ''), right: true },
    { title: 'MEMORY', cell: ({ spec }) => size(spec?.compute?.memoryBytes), right: true },
    { title: 'DISKS', cell: ({ spec }) => String(spec?.disks.length ?? 0), right: true },
    { title: 'RUNS', cell: runPolicy },
    { title: 'TENANT', cell: ({ meta }) => meta?.tenant ?? '', wide: true },
    { title: 'STANDBY', cell: ({ status }) => status?.standbyNode ?? '', wide: true },
    ...metaColumns<VirtualMachine>(nowMs),
  ],
  describe(machine, to, nowMs) {
    const { meta, spec, status } = machine
    const phase = machinePhase(machine)
    to.fields([
      ...identityFields(meta),
      ['Phase', phase, toneOf(phase)],
      ['Runs', runPolicy(machine)],
      ['Node', status?.node ?? ''],
      ['On its way to', status?.targetNode ?? '', 'warning'],
      ['Standby', status?.standbyNode ?? ''],
      ['Last node', status?.node ? '' : (status?.lastNode ?? '')],
      ...computeFields(spec?.compute),
      ['When its host is emptied', word(evictionOf(machine), 'EVICTION_POLICY_')],
      ['Priority', spec?.priority ? String(spec.priority) : ''],
      ['Started', timeAndAge(status?.startedAt, nowMs)],
      ...lifeFields(meta, nowMs),
    ])
    to.section('Rules:', (inner) => inner.fields(ruleFields(spec?.rules)))
    to.section('Set aside on its host:', (inner) => inner.fields(reservedFields(status?.reserved)))
    describeConditions(to, status?.conditions ?? [], nowMs)
    to.section('Disks:', (inner) => inner.table(diskColumns, status?.disks ?? []))
    to.section('Interfaces:', (inner) => inner.table(interfaceColumns, status?.interfaces ?? []))
  },
}

function evictionOf({ spec }: VirtualMachine): string {
  return evictionPolicyToJSON(spec?.evictionPolicy ?? 0)
}

function computeFields(compute: ComputeDemand | undefined): Field[] {
  if (!compute) return []
  const { cpuPolicy, hugepageSizeBytes, numaPolicy, vcpus } = compute
  const devices = compute.devices.map(
    ({ count, pciId, resource }) => `${count} × ${resource || pciId}`,
  )
  return [
    ['CPUs', `${vcpus} ${word(cpuPolicyToJSON(cpuPolicy), 'CPU_POLICY_').toLowerCase()}`],
    ['CPU features', compute.cpuFeatures.join(', ')],
    ['Memory', exactSize(compute.memoryBytes)],
    ['Hugepages', hugepageSizeBytes > 0n ? size(hugepageSizeBytes) : ''],
    ['NUMA', word(numaPolicyToJSON(numaPolicy), 'NUMA_POLICY_')],
    ['Devices', devices.join(', ')],
  ]
}

function ruleFields(rules: PlacementRules | undefined): Field[] {
  if (!rules) return []
  const tolerations = rules.tolerations.map(
    ({ effect, key, value }) =>
      `${key || '*'}${value === undefined ? '' : `=${value}`}${effect && `:${effect}`}`,
  )
  return [
    ['Node labels', rules.nodeSelector],
    ['Only on nodes', rules.nodes.join(', ')],
    ['Not on nodes', rules.excludedNodes.join(', ')],
    ['Tolerates', tolerations.join(', ')],
    ['Others', rules.affinities.map(affinityText).join('; ')],
    ['Groups', rules.groups.map(groupText).join('; ')],
    ['Pinned', rules.pinned ? 'yes' : ''],
  ]
}

function affinityText({ failureDomain, labelSelector, names, relation, target }: AffinityRule) {
  const kind = word(affinityTargetToJSON(target), 'AFFINITY_TARGET_')
  const who = [names.join(', '), labelSelector].filter((text) => text !== '').join(' with ')
  const how = relation === RuleRelation.RULE_RELATION_APART ? 'apart from' : 'together with'
  return `${how} ${kind} ${who} by ${failureDomain || 'host'}`
}

function groupText({ failureDomain, maxPerDomain, name, relation }: GroupRule): string {
  const apart = relation === RuleRelation.RULE_RELATION_APART
  const how = apart ? `at most ${maxPerDomain || 1} in one` : 'all in one'
  return `${name}: ${how} ${failureDomain || 'host'}`
}

function reservedFields(reserved: HostReservation | undefined): Field[] {
  if (!reserved) return []
  const { devices, hugepageBytes, hugepageSizeBytes, numaNodes } = reserved
  return [
    ['CPU', `${Number(reserved.cpuMillis) / 1000}`],
    ['Memory', `${size(reserved.memoryBytes)}, ${size(reserved.overheadBytes)} of it to run it`],
    ['Hugepages', hugepageBytes > 0n ? `${size(hugepageBytes)} of ${size(hugepageSizeBytes)}` : ''],
    ['NUMA nodes', numaNodes.map(({ numaNode }) => String(numaNode)).join(', ')],
    ['Devices', devices.map(({ pciAddress }) => pciAddress || 'to be chosen').join(', ')],
  ]
}

const diskColumns: readonly Column<VirtualMachineDiskStatus>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'VOLUME', cell: ({ volume }) => volume },
  { title: 'LOCAL', cell: ({ local }) => yesNo(local) },
  { title: 'MESSAGE', cell: ({ message }) => message },
]

const interfaceColumns: readonly Column<VirtualMachineInterfaceStatus>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'NETWORK', cell: ({ network }) => network },
  { title: 'MAC', cell: ({ macAddress }) => macAddress },
  { title: 'ADDRESSES', cell: ({ ipAddresses }) => ipAddresses.join(',') },
  { title: 'MESSAGE', cell: ({ message }) => message },
]
