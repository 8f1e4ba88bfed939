/** A machine's spec as a file: the API's own JSON, or the same as YAML. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { VirtualMachineSpec } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { unreadable, usageError } from '../../errors/index.ts'

/** What a file says. */
export interface SpecFile {
  readonly spec: VirtualMachineSpec
  /** The version it was read at, if it is what `vm show` printed; else 0. */
  readonly resourceVersion: bigint
}

/**
 * Reads a spec, or a whole machine as `vm show` prints it. INVALID_ARGUMENT for what is neither,
 * with the first field that is unknown.
 */
export async function readSpec(directory: string, file: string): Promise<SpecFile> {
  const whole = await parse(resolve(directory, file), file)
  const machine = partOf(whole, 'virtualMachine')
  const document = machine === undefined ? whole : partOf(machine, 'spec')
  const version = partOf(partOf(machine, 'meta'), 'resourceVersion')
  let spec: VirtualMachineSpec
  try {
    spec = VirtualMachineSpec.fromJSON(document)
  } catch (error) {
    throw usageError(`${file} is not the spec of a machine: ${KeelsonError.from(error).message}`)
  }
  const unknown = firstUnknown(document, VirtualMachineSpec.toJSON(spec), '')
  if (unknown !== undefined) throw usageError(`${file}: "${unknown}" is not known`)
  return { spec, resourceVersion: typeof version === 'string' ? BigInt(version) : 0n }
}

function partOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return (value as Record<string, unknown>)[key]
}

async function parse(path: string, file: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw unreadable(file, error)
  }
  const { parse: parseYaml } = await import('yaml')
  try {
    return parseYaml(text)
  } catch (error) {
    throw usageError(`${file} is not YAML: ${KeelsonError.from(error).message}`)
  }
}

/**
 * Path of a value that reading has dropped; a misspelt field would be ignored otherwise. Values
 * that are zero are dropped on purpose.
 */
function firstUnknown(given: unknown, understood: unknown, path: string): string | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  for (const [key, value] of Object.entries(given)) {
    const at = path === '' ? key : `${path}.${key}`
    const known = (understood as Record<string, unknown> | undefined)?.[camelCase(key)]
    if (known === undefined && !isZero(value)) return at
    const unknown = firstUnknown(value, known, at)
    if (unknown !== undefined) return unknown
  }
  return undefined
}

/** Reading takes the contract's own spelling too. */
function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function isZero(value: unknown): boolean {
  if (typeof value === 'string') return value === '' || /^0$|_UNSPECIFIED$/.test(value)
  if (Array.isArray(value)) return value.length === 0
  return value === 0 || value === false || value === null
}
