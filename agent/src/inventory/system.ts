/** Section "system": the machine as its firmware describes it, and what it runs under. */
import type { Bios, Board, BootMode, Chassis, SystemFacts } from '@keelson/shared/model'
import { compact, filled, printable } from './parse.ts'
import { isPlaceholder } from './placeholder.ts'
import type { SysReader } from './reader.ts'
import type { CollectContext } from './section.ts'

const DMI = '/sys/class/dmi/id'
const EFI = '/sys/firmware/efi'
const SECURE_BOOT = `${EFI}/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c`

/** Reads the section. */
export async function collectSystem(context: CollectContext): Promise<SystemFacts | undefined> {
  const { reader } = context
  return compact({
    ...collectDmi(context),
    ...collectBoot(context),
    tpmVersion: tpmVersion(context),
    lockdown: lockdown(reader.text('/sys/kernel/security/lockdown')),
    hypervisor: await hypervisor(context),
  })
}

function collectDmi(context: CollectContext): SystemFacts {
  const { reader } = context
  if (!reader.exists(DMI)) {
    for (const path of ['vendor', 'product', 'serial', 'uuid', 'bios', 'board', 'chassis'])
      context.gap(path, reader.problem(DMI))
    return {}
  }
  const get = (path: string, file: string) => dmiText(context, path, `${DMI}/${file}`)
  const bios: Bios = compact({
    vendor: get('bios.vendor', 'bios_vendor'),
    version: get('bios.version', 'bios_version'),
    date: isoDate(context, get('bios.date', 'bios_date')),
  })
  const board: Board = compact({
    vendor: get('board.vendor', 'board_vendor'),
    name: get('board.name', 'board_name'),
    version: optionalText(reader, 'board_version'),
    serial: get('board.serial', 'board_serial'),
    assetTag: optionalText(reader, 'board_asset_tag'),
  })
  const chassis: Chassis = compact({
    vendor: get('chassis.vendor', 'chassis_vendor'),
    type: chassisType(get('chassis.type', 'chassis_type')),
    serial: optionalText(reader, 'chassis_serial'),
    assetTag: optionalText(reader, 'chassis_asset_tag'),
  })
  return compact({
    vendor: get('vendor', 'sys_vendor'),
    product: get('product', 'product_name'),
    version: optionalText(reader, 'product_version'),
    sku: optionalText(reader, 'product_sku'),
    family: optionalText(reader, 'product_family'),
    serial: get('serial', 'product_serial'),
    uuid: get('uuid', 'product_uuid')?.toLowerCase(),
    bios,
    board,
    chassis,
  })
}

/** A text the firmware should have; a placeholder is a gap that quotes it. */
function dmiText(context: CollectContext, path: string, file: string): string | undefined {
  const text = filled(context.reader.text(file))
  if (text === undefined) context.gap(path, context.reader.problem(file))
  else if (isPlaceholder(text)) context.gap(path, `the firmware has the placeholder "${text}"`)
  else return text
  return undefined
}

/** A text that many machines rightly lack. */
function optionalText(reader: SysReader, file: string): string | undefined {
  const text = printable(reader.text(`${DMI}/${file}`))
  return text === undefined || isPlaceholder(text) ? undefined : text
}

/** "09/11/2024" (month first, always, in SMBIOS) as "2024-09-11". */
function isoDate(context: CollectContext, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const match = /^(\d{2})\/(\d{2})\/(\d{4})$/.exec(text)
  if (match) return `${match[3]}-${match[1]}-${match[2]}`
  context.gap('bios.date', `"${text}" is not MM/DD/YYYY`)
  return undefined
}

const CHASSIS_TYPES: Readonly<Record<string, string>> = {
  '1': 'Other',
  '2': 'Unknown',
  '3': 'Desktop',
  '4': 'Low Profile Desktop',
  '6': 'Mini Tower',
  '7': 'Tower',
  '9': 'Laptop',
  '10': 'Notebook',
  '13': 'All In One',
  '16': 'Lunch Box',
  '17': 'Main Server Chassis',
  '23': 'Rack Mount Chassis',
  '25': 'Multi-system Chassis',
  '28': 'Blade',
  '29': 'Blade Enclosure',
  '34': 'Embedded PC',
  '35': 'Mini PC',
}

function chassisType(code: string | undefined): string | undefined {
  return code === undefined ? undefined : (CHASSIS_TYPES[code] ?? `type ${code}`)
}

function collectBoot(context: CollectContext): { bootMode?: BootMode; secureBoot?: boolean } {
  const { reader } = context
  if (!reader.exists(EFI)) {
    if (reader.exists(DMI)) return { bootMode: 'BIOS', secureBoot: false }
    context.gap('bootMode', `neither ${EFI} nor ${DMI} exists`)
    return {}
  }
  // An EFI variable is four bytes of attributes, then its value.
  const variable = reader.bytes(SECURE_BOOT)
  if (variable === undefined || variable.length < 5) {
    context.gap('secureBoot', reader.problem(SECURE_BOOT))
    return { bootMode: 'UEFI' }
  }
  return { bootMode: 'UEFI', secureBoot: variable[4] === 1 }
}

function tpmVersion({ reader, gap }: CollectContext): string | undefined {
  const path = '/sys/class/tpm'
  if (!reader.exists(path)) {
    gap('tpmVersion', reader.problem(path))
    return undefined
  }
  const [device] = reader.names(path)
  if (device === undefined) return ''
  const major = reader.text(`${path}/${device}/tpm_version_major`)
  if (major === '2') return '2.0'
  if (major === '1') return '1.2'
  gap('tpmVersion', reader.problem(`${path}/${device}/tpm_version_major`))
  return undefined
}

/** "[none] integrity confidentiality" → "none"; kernels without lockdown have no such file. */
function lockdown(text: string | undefined): string | undefined {
  return /\[(\w+)\]/.exec(text ?? '')?.[1]
}

const HYPERVISOR_VENDORS: readonly (readonly [RegExp, string])[] = [
  [/^QEMU|^KVM|Red Hat|^oVirt|^OpenStack|^Google|^Amazon EC2/i, 'kvm'],
  [/^VMware/i, 'vmware'],
  [/^Microsoft/i, 'hyperv'],
  [/^Xen/i, 'xen'],
  [/^innotek/i, 'virtualbox'],
]

/** Name of the hypervisor; empty on bare metal, told by the CPU flag that only guests have. */
async function hypervisor({ reader, gap }: CollectContext): Promise<string | undefined> {
  const cpuinfo = await reader.slowText('/proc/cpuinfo')
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo ?? '')?.[1]
  const named = filled(reader.text('/sys/hypervisor/type'))
  if (named !== undefined && named !== '(null)') return named
  if (flags === undefined) {
    gap('hypervisor', 'only x86 processors tell whether they are virtual')
    return undefined
  }
  if (!/\shypervisor(\s|$)/.test(flags)) return ''
  const vendor = reader.text(`${DMI}/sys_vendor`) ?? ''
  const known = HYPERVISOR_VENDORS.find(([pattern]) => pattern.test(vendor))?.[1]
  if (known !== undefined) return known
  const clocks = reader.text('/sys/devices/system/clocksource/clocksource0/available_clocksource')
  if (/\bkvm-clock\b/.test(clocks ?? '')) return 'kvm'
  return /\bhyperv/.test(clocks ?? '') ? 'hyperv' : 'unknown'
}
