/** Sizes as people write them. Exact bytes inside, binary units outside. */
import { KeelsonError } from '../errors/index.ts'

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  k: 1e3,
  K: 1e3,
  kB: 1e3,
  KB: 1e3,
  KiB: 2 ** 10,
  Ki: 2 ** 10,
  M: 1e6,
  MB: 1e6,
  MiB: 2 ** 20,
  Mi: 2 ** 20,
  G: 1e9,
  GB: 1e9,
  GiB: 2 ** 30,
  Gi: 2 ** 30,
  T: 1e12,
  TB: 1e12,
  TiB: 2 ** 40,
  Ti: 2 ** 40,
  P: 1e15,
  PB: 1e15,
  PiB: 2 ** 50,
  Pi: 2 ** 50,
}

/**
 * Bytes of a size such as "10GiB", "10G" (10^9), "1.5TiB" or "4096".
 * Raises INVALID_ARGUMENT for anything else, for negative sizes and for sizes past 2^53-1.
 */
export function parseSize(text: string): number {
  const match = /^\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(text)
  const unit = match?.[2] ?? ''
  const factor = Object.hasOwn(FACTORS, unit) ? FACTORS[unit] : undefined
  if (!match || factor === undefined)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `"${text}" is not a size; write 10GiB, 10G (10^9), 512MiB or plain bytes`,
    )
  const sizeBytes = Number(match[1]) * factor
  if (sizeBytes < 0) throw new KeelsonError('INVALID_ARGUMENT', `size "${text}" is negative`)
  if (!Number.isInteger(sizeBytes))
    throw new KeelsonError('INVALID_ARGUMENT', `size "${text}" is not a whole number of bytes`)
  if (sizeBytes > Number.MAX_SAFE_INTEGER)
    throw new KeelsonError('INVALID_ARGUMENT', `size "${text}" is larger than 8 PiB`)
  return sizeBytes
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']

/** A size in binary units, at most one decimal: "512 MiB", "1.5 TiB". */
export function formatSize(sizeBytes: number): string {
  let value = sizeBytes
  let unit = 0
  // What would be rounded to 1024.0 is one of the next unit.
  while (Math.abs(value) >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const digits = unit === 0 || Number.isInteger(value) ? 0 : 1
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/** The next multiple of `alignment` at or above `value`. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment
}
