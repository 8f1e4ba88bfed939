/** `keelson-agent inventory`: prints the report of this host, or of a recorded tree. */
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { hardwareInventoryToJson } from '@keelson/shared/codec'
import { errorChain, KeelsonError } from '@keelson/shared/errors'
import { createLocalRunner } from '@keelson/shared/exec'
import { SECTION_NAMES, type SectionName } from '@keelson/shared/model'
import { systemClock } from '@keelson/shared/runtime'
import { stringify } from 'yaml'
import { collectInventory } from './inventory/index.ts'
import { formatInventory } from './inventory-table.ts'

const USAGE = `usage: keelson-agent inventory [-o table|json|yaml] [--sysroot DIR] [--section NAME]...
Prints what this host is made of, without a coordinator.
  -o, --output    table (default), json (proto3 JSON of HardwareInventory) or yaml
  --sysroot DIR   read a recorded tree instead of the machine
  --section NAME  only this section, may be given again: ${SECTION_NAMES.join(' ')}
`
const OUTPUTS = ['table', 'json', 'yaml'] as const

interface Arguments {
  readonly output: (typeof OUTPUTS)[number]
  readonly sysroot: string
  readonly sections: readonly SectionName[]
  readonly help: boolean
}

/** Runs the command; returns its exit code: 0, 1 for a failure, 2 for wrong usage. */
export async function runInventoryCommand(
  args: string[],
  stdout: (text: string) => void,
  stderr: (text: string) => void = (text) => process.stderr.write(text),
): Promise<number> {
  try {
    const { output, sysroot, sections, help } = parseArguments(args)
    if (help) {
      stdout(USAGE)
      return 0
    }
    const live = sysroot === '/'
    const inventory = await collectInventory({
      sysroot,
      sections,
      clock: systemClock,
      node: live ? hostname() : 'recorded',
      ...(live && { runner: createLocalRunner() }),
    })
    if (output === 'table') stdout(formatInventory(inventory))
    else if (output === 'json')
      stdout(`${JSON.stringify(hardwareInventoryToJson(inventory), null, 2)}\n`)
    else stdout(stringify(hardwareInventoryToJson(inventory)))
    return 0
  } catch (error) {
    stderr(`error: ${errorChain(error)}\n`)
    return error instanceof KeelsonError && error.code === 'INVALID_ARGUMENT' ? 2 : 1
  }
}

function parseArguments(args: string[]): Arguments {
  const { values } = parse(args)
  const output = OUTPUTS.find((known) => known === values.output)
  if (output === undefined)
    throw usage(`unknown output "${values.output}", choose ${OUTPUTS.join(', ')}`)
  const sections = (values.section ?? []).map((name) => {
    const known = SECTION_NAMES.find((candidate) => candidate === name)
    if (known === undefined)
      throw usage(`unknown section "${name}", choose ${SECTION_NAMES.join(', ')}`)
    return known
  })
  return {
    output,
    sysroot: values.sysroot,
    sections: sections.length === 0 ? SECTION_NAMES : [...new Set(sections)],
    help: values.help,
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        output: { type: 'string', short: 'o', default: 'table' },
        sysroot: { type: 'string', default: '/' },
        section: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error))
  }
}

function usage(message: string): KeelsonError {
  return new KeelsonError('INVALID_ARGUMENT', message)
}
