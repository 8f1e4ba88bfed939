/** The machine as its maker describes it, and the system that runs on it. */
import {
  BootMode,
  type HardwareReadings,
  type KernelModule,
  KernelModuleState,
  kernelModuleStateToJSON,
  type OsFacts,
  type SystemFacts,
} from '@keelson/shared/api'
import { type Column, type Description, duration, word, yesNo } from '../../../output/index.ts'

/** Maker, firmware, board, case. */
export function describeSystem(system: SystemFacts, to: Description): void {
  const { bios, board, chassis } = system
  to.fields([
    ['Maker', system.vendor ?? ''],
    ['Product', joined(system.product, system.version)],
    ['Family', system.family ?? ''],
    ['Order number', system.sku ?? ''],
    ['Serial number', system.serial ?? ''],
    ['UUID', system.uuid ?? ''],
    ['Firmware', joined(bios?.vendor, bios?.version, bios?.date)],
    ['Board', joined(board?.vendor, board?.name, board?.version)],
    ['Board serial', board?.serial ?? ''],
    ['Board asset tag', board?.assetTag ?? ''],
    ['Case', joined(chassis?.vendor, chassis?.type)],
    ['Case serial', chassis?.serial ?? ''],
    ['Case asset tag', chassis?.assetTag ?? ''],
    ['Started by', startedBy(system.bootMode)],
    ['Secure Boot', yesNo(system.secureBoot)],
    ['TPM', orNone(system.tpmVersion, 'none')],
    ['Kernel lockdown', system.lockdown ?? ''],
    ['Hypervisor', orNone(system.hypervisor, 'none (bare metal)')],
  ])
}

/** An empty text is an answer: there is none. Only an absent one is not known. */
function orNone(value: string | undefined, none: string): string {
  return value === undefined ? '' : value || none
}

function joined(...parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join(', ')
}

function startedBy(mode: BootMode): string {
  if (mode === BootMode.BOOT_MODE_UEFI) return 'UEFI'
  return mode === BootMode.BOOT_MODE_BIOS ? 'BIOS' : ''
}

/** Kernel, clock, virtual machines, the modules that matter. */
export function describeOs(
  os: OsFacts,
  readings: HardwareReadings | undefined,
  to: Description,
): void {
  const { load, uptimeSeconds, clock } = readings ?? {}
  to.fields([
    ['Host name', os.hostname ?? ''],
    ['System', os.prettyName ?? joined(os.distribution, os.distributionVersion)],
    ['Kernel', os.kernelRelease ?? ''],
    ['Command line', os.commandLine ?? ''],
    ['Taints', os.taints.join(', '), 'warning'],
    ['Boot', os.bootId ?? ''],
    ['Machine', os.machineId ?? ''],
    ['Up for', uptimeSeconds === undefined ? '' : duration(uptimeSeconds * 1_000)],
    ['Load', load ? `${load.oneMinute} ${load.fiveMinutes} ${load.fifteenMinutes}` : ''],
    ['KVM', yesNo(os.kvmDevice)],
    ['Guests run guests', yesNo(os.kvmNested)],
    ['Clock source', os.clock?.source ?? ''],
    ['Clock kept by', orNone(os.clock?.service, 'nothing seen')],
    ['Clock in step', yesNo(clock?.synchronized ?? os.clock?.synchronized)],
    [
      'Clock ahead by',
      clock?.offsetUs === undefined ? '' : `${(clock.offsetUs / 1e3).toFixed(3)}ms`,
    ],
    ['Watchdogs', os.watchdogs.join(', ')],
  ])
  to.section('Kernel modules:', (inner) => inner.table(moduleColumns, os.modules))
}

const moduleColumns: readonly Column<KernelModule>[] = [
  { title: 'MODULE', cell: ({ name }) => name },
  {
    title: 'STATE',
    cell: ({ state }) =>
      state === KernelModuleState.KERNEL_MODULE_STATE_UNSPECIFIED
        ? 'not-known'
        : word(kernelModuleStateToJSON(state), 'KERNEL_MODULE_STATE_'),
    tone: (text) => (text === 'Missing' ? 'warning' : 'plain'),
  },
  { title: 'VERSION', cell: ({ version }) => version ?? '' },
]
