/** Section "os": the running kernel, the modules storage and network need, the clock. */
import type { ClockFacts, KernelModule, KernelModuleState, OsFacts } from '@keelson/shared/model'
import { clockService } from './clock-sync.ts'
import { hostFile, hostText } from './host-files.ts'
import { assignments, compact, filled, flag } from './parse.ts'
import type { SysReader } from './reader.ts'
import type { CollectContext } from './section.ts'

/** Modules whose presence and version decide what a host can carry. */
const MODULES = [
  'dm_thin_pool',
  'drbd',
  'drbd_transport_tcp',
  'kvm',
  'kvm_amd',
  'kvm_intel',
  'loop',
  'nbd',
  'openvswitch',
  'vfio_pci',
  'zfs',
] as const

/** Reads the installed modules of a kernel, again only when their index changed. */
export interface ModuleIndex {
  /** Names among MODULES that are installed and built in; undefined without an index. */
  read(reader: SysReader, release: string): InstalledModules | undefined
}

interface InstalledModules {
  readonly available: ReadonlySet<string>
  readonly builtIn: ReadonlySet<string>
}

/** Reads the section. */
export async function collectOs(context: CollectContext, index: ModuleIndex): Promise<OsFacts> {
  const { reader, gap } = context
  const read = (path: string, file: string) => {
    const text = filled(hostText(reader, file))
    if (text === undefined) gap(path, reader.problem(file))
    return text
  }
  const kernelRelease = read('kernelRelease', '/proc/sys/kernel/osrelease')
  const release = assignments(read('distribution', '/etc/os-release'))
  return compact({
    hostname: read('hostname', '/proc/sys/kernel/hostname'),
    distribution: release.get('ID'),
    distributionVersion: release.get('VERSION_ID'),
    prettyName: release.get('PRETTY_NAME'),
    kernelRelease,
    commandLine: hideSecrets(read('commandLine', '/proc/cmdline')),
    bootId: read('bootId', '/proc/sys/kernel/random/boot_id'),
    machineId: read('machineId', '/etc/machine-id'),
    taints: taints(read('taints', '/proc/sys/kernel/tainted')),
    modules: readModules(context, index, kernelRelease),
    kvmDevice: reader.exists('/dev/kvm'),
    kvmNested:
      flag(reader.text('/sys/module/kvm_intel/parameters/nested')) ??
      flag(reader.text('/sys/module/kvm_amd/parameters/nested')),
    clock: readClock(context),
    watchdogs: reader
      .names('/sys/class/watchdog')
      .map((name) => reader.text(`/sys/class/watchdog/${name}/identity`) || name)
      .sort(),
  })
}

const SECRET_WORD = /^([\w.-]*(?:passw|secret|token|credential|apikey|api_key)[\w.-]*)=.*$/i

/** The command line is in reports and logs; a password in it must not be. */
export function hideSecrets(commandLine: string | undefined): string | undefined {
  return commandLine
    ?.split(' ')
    .map((word) => word.replace(SECRET_WORD, '$1=(hidden)'))
    .join(' ')
}

/** Bits of /proc/sys/kernel/tainted, in the order of the kernel's documentation. */
const TAINTS = [
  'PROPRIETARY_MODULE',
  'FORCED_MODULE',
  'CPU_OUT_OF_SPEC',
  'FORCED_UNLOAD',
  'MACHINE_CHECK',
  'BAD_PAGE',
  'USER',
  'DIE',
  'OVERRIDDEN_ACPI_TABLE',
  'WARN',
  'STAGING_MODULE',
  'FIRMWARE_WORKAROUND',
  'OUT_OF_TREE_MODULE',
  'UNSIGNED_MODULE',
  'SOFT_LOCKUP',
  'LIVE_PATCH',
  'AUXILIARY',
  'RANDOMIZED_STRUCTS',
  'TEST',
]

function taints(text: string | undefined): readonly string[] {
  const bits = Number(text ?? 0)
  return TAINTS.filter((_, bit) => Math.floor(bits / 2 ** bit) % 2 === 1).sort()
}

/** A module index with its memory. */
export function createModuleIndex(): ModuleIndex {
  let stamp: string | undefined
  let installed: InstalledModules | undefined
  return {
    read(reader, release) {
      const directory = hostFile(reader, `/lib/modules/${release}`)
      const now = `${release} ${reader.stamp(`${directory}/modules.dep`)}`
      if (now === stamp) return installed
      stamp = now
      const dependencies = reader.text(`${directory}/modules.dep`)
      const builtIn = reader.text(`${directory}/modules.builtin`)
      installed =
        dependencies === undefined && builtIn === undefined
          ? undefined
          : { available: modulesIn(dependencies), builtIn: modulesIn(builtIn) }
      return installed
    },
  }
}

/** Names of lines such as "updates/drbd.ko.xz: kernel/lib/…"; "-" and "_" are one in names. */
function modulesIn(text: string | undefined): ReadonlySet<string> {
  const wanted: ReadonlySet<string> = new Set(MODULES)
  const found = new Set<string>()
  for (const line of (text ?? '').split('\n')) {
    const name = /([^/:]+)\.ko/.exec(line.split(':')[0] ?? '')?.[1]?.replaceAll('-', '_')
    if (name !== undefined && wanted.has(name)) found.add(name)
  }
  return found
}

function readModules(
  { reader, gap }: CollectContext,
  moduleIndex: ModuleIndex,
  release: string | undefined,
): readonly KernelModule[] {
  const installed = release === undefined ? undefined : moduleIndex.read(reader, release)
  const modules = MODULES.map((name) => {
    const path = `/sys/module/${name}`
    const version = filled(reader.text(`${path}/version`))
    return compact({ name, state: moduleState(reader, path, name, installed), version })
  })
  const unknown = modules.filter((each) => each.state === undefined).map((each) => each.name)
  if (unknown.length > 0) {
    const index = release === undefined ? 'the index of modules' : `/lib/modules/${release}`
    gap('modules', `${index} is not readable, so nothing is known of ${unknown.join(', ')}`)
  }
  return modules
}

function moduleState(
  reader: SysReader,
  path: string,
  name: string,
  installed: InstalledModules | undefined,
): KernelModuleState | undefined {
  // Only what was loaded has a state of initialisation; what is built in is always there.
  if (reader.exists(`${path}/initstate`)) return 'LOADED'
  if (reader.exists(path) || installed?.builtIn.has(name)) return 'BUILT_IN'
  if (installed === undefined) return undefined
  return installed.available.has(name) ? 'AVAILABLE' : 'MISSING'
}

function readClock({ reader, gap }: CollectContext): ClockFacts {
  const source = filled(
    reader.text('/sys/devices/system/clocksource/clocksource0/current_clocksource'),
  )
  const { service, synchronized, problem } = clockService(reader)
  if (problem !== undefined) gap('clock.synchronized', problem)
  return compact({ source, service, synchronized })
}
