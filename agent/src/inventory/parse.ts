/** The few text formats of /proc, /sys and udev, each in one function. No I/O. */

/** A whole number of decimal digits; undefined for anything else, negative numbers included. */
export function uint(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}

/** "1" and "0", "Y" and "N". */
export function flag(text: string | undefined): boolean | undefined {
  if (text === '1' || text === 'Y') return true
  return text === '0' || text === 'N' ? false : undefined
}

/** Text with at least one character. */
export function filled(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text
}

/** Printable ASCII of a fixed-width field: padding and control characters go. */
export function printable(raw: Buffer | string | undefined): string | undefined {
  if (raw === undefined) return undefined
  const text = typeof raw === 'string' ? raw : raw.toString('latin1')
  return filled(
    text
      .replace(/[^\x20-\x7e]+/g, ' ')
      .replace(/ +/g, ' ')
      .trim(),
  )
}

/** Numbers of a kernel list such as "0-3,8"; a malformed part is left out. At most 65536. */
export function numberList(text: string | undefined): readonly number[] {
  const numbers: number[] = []
  for (const part of (text ?? '').split(',')) {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part.trim())
    if (!range) continue
    const first = Number(range[1])
    const last = Math.min(Number(range[2] ?? range[1]), first + 65_535)
    for (let value = first; value <= last && numbers.length < 65_536; value++) numbers.push(value)
  }
  return numbers
}

/** Lines "KEY=value"; quotes around a value (os-release) go. */
export function assignments(text: string | undefined): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const line of (text ?? '').split('\n')) {
    const at = line.indexOf('=')
    if (at <= 0) continue
    const value = line.slice(at + 1).trim()
    const quoted = /^"(.*)"$/.exec(value) ?? /^'(.*)'$/.exec(value)
    values.set(line.slice(0, at).trim(), (quoted?.[1] ?? value).replace(/\\(["'$`\\])/g, '$1'))
  }
  return values
}

/** Lines "Key: value" as in /proc/meminfo and /proc/cpuinfo. */
export function colonLines(text: string | undefined): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const line of (text ?? '').split('\n')) {
    const at = line.indexOf(':')
    if (at > 0) values.set(line.slice(0, at).trim(), line.slice(at + 1).trim())
  }
  return values
}

/** Bytes of a value such as "733988 kB" or "48K". */
export function sizeBytes(text: string | undefined): number | undefined {
  const match = /^(\d+)\s*([kKMG]?)i?B?$/.exec(text ?? '')
  const unit = { '': 1, k: 2 ** 10, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[match?.[2] ?? '']
  const value = uint(match?.[1])
  return value === undefined || unit === undefined ? undefined : value * unit
}

/** The PCI address of the last PCI device on a sysfs path. */
export function pciAddressOf(sysfsPath: string | undefined): string | undefined {
  const addresses = sysfsPath?.match(
    /(?<=\/)[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f](?=\/|$)/g,
  )
  return addresses?.at(-1)
}

/** `T` with every key that may be undefined made optional. */
export type Compact<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K]
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> }

/** The object without its undefined values: an absent key means "not known". */
export function compact<T extends object>(value: T): Compact<T> {
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(entries) as Compact<T>
}

const collator = new Intl.Collator('en', { numeric: true })

/** Order of names with numbers in them: sda2 before sda10. */
export function byName(a: string, b: string): number {
  return collator.compare(a, b)
}
