/**
 * Protobuf stops at this room. A codec is a table with one row per field, and the compiler checks
 * that the table names every field of the message and every field of the domain type: when the
 * contract grows, the project does not compile until somebody decided what the new field means.
 *
 * Reading is strict (an unknown enum or an unsafe size is INVALID_ARGUMENT with the field's path);
 * writing is total, because a domain value is valid by construction.
 */
import { KeelsonError } from '../errors/index.ts'

/** Both directions of one mapping. `P` is ts-proto's type, `D` the domain's. */
export interface Codec<P, D> {
  /** Raises INVALID_ARGUMENT with `path` in its message. */
  read(value: P, path: string): D
  write(value: D): P
}

/** Refuses a value that came over the wire. */
export function invalid(path: string, problem: string): never {
  throw new KeelsonError('INVALID_ARGUMENT', `${path}: ${problem}`)
}

function same<T>(): Codec<T, T> {
  return { read: (value) => value, write: (value) => value }
}

/** Text as it is. */
export const text: Codec<string, string> = same<string>()
/** A boolean as it is. */
export const bool: Codec<boolean, boolean> = same<boolean>()
/** A 32-bit integer or a double as it is. */
export const number: Codec<number, number> = same<number>()
/** Raw bytes. */
export const bytes: Codec<Uint8Array, Uint8Array> = same<Uint8Array>()
/** A list of texts. */
export const texts: Codec<string[], readonly string[]> = {
  read: (value) => value,
  write: (value) => [...value],
}
/** A list of numbers. */
export const numbers: Codec<number[], readonly number[]> = {
  read: (value) => value,
  write: (value) => [...value],
}
/** A string map, labels above all. */
export const textMap: Codec<Record<string, string>, Readonly<Record<string, string>>> = {
  read: (value) => value,
  write: (value) => ({ ...value }),
}

/**
 * A 64-bit integer as a JavaScript number (ADR 0011): exact up to 2^53-1, which is 8 PiB for one
 * object; more is refused, never rounded.
 */
export const int64: Codec<bigint, number> = {
  read(value, path) {
    if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER))
      invalid(path, `${value} does not fit 53 bits (largest: 9007199254740991)`)
    return Number(value)
  },
  write: (value) => BigInt(Math.trunc(value)),
}

/** A map of counts. */
export const int64Map: Codec<Record<string, bigint>, Readonly<Record<string, number>>> = {
  read: (value, path) => mapValues(value, (item, key) => int64.read(item, `${path}.${key}`)),
  write: (value) => mapValues(value, int64.write),
}

function mapValues<A, B>(
  value: Readonly<Record<string, A>>,
  each: (item: A, key: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, each(item, key)]))
}

/** A timestamp as milliseconds since the Unix epoch. */
export const time: Codec<Date | undefined, number> = {
  read: (value, path) => value?.getTime() ?? invalid(path, 'timestamp is missing'),
  write: (value) => new Date(value),
}

/** A timestamp that may be absent. */
export const optionalTime: Codec<Date | undefined, number | undefined> = {
  read: (value) => value?.getTime(),
  write: (value) => (value === undefined ? undefined : new Date(value)),
}

/** A field that may be absent on both sides. */
export function optional<P, D>(codec: Codec<P, D>): Codec<P | undefined, D | undefined> {
  return {
    read: (value, path) => (value === undefined ? undefined : codec.read(value, path)),
    write: (value) => (value === undefined ? undefined : codec.write(value)),
  }
}

/** A nested message that the domain requires. */
export function required<P, D>(codec: Codec<P, D>): Codec<P | undefined, D> {
  return {
    read: (value, path) =>
      value === undefined ? invalid(path, 'is missing') : codec.read(value, path),
    write: (value) => codec.write(value),
  }
}

/** A list of messages. */
export function list<P, D>(codec: Codec<P, D>): Codec<P[], readonly D[]> {
  return {
    read: (values, path) => values.map((value, index) => codec.read(value, `${path}[${index}]`)),
    write: (values) => values.map((value) => codec.write(value)),
  }
}

/** A list that is absent in the domain when it is empty. */
export function optionalList<P, D>(codec: Codec<P, D>): Codec<P[], readonly D[] | undefined> {
  const whole = list(codec)
  return {
    read: (values, path) => (values.length === 0 ? undefined : whole.read(values, path)),
    write: (values) => (values === undefined ? [] : whole.write(values)),
  }
}

/** A field whose zero value on the wire, `unset`, means `fallback`. */
export function defaulting<P, D>(codec: Codec<P, D>, unset: P, fallback: D): Codec<P, D> {
  return {
    read: (value, path) => (value === unset ? fallback : codec.read(value, path)),
    write: codec.write,
  }
}

/** A text that is one of a few words. */
export function word<D extends string>(...words: readonly D[]): Codec<string, D> {
  return {
    read: (value, path) =>
      words.find((known) => known === value) ??
      invalid(path, `"${value}" is none of ${words.join(', ')}`),
    write: (value) => value,
  }
}

/**
 * An enum as a union of words. The table names every number of the proto enum but the zero
 * (`…_UNSPECIFIED`), which is refused on reading.
 */
export function oneOf<N extends number, D extends string>(
  table: Readonly<Record<Exclude<N, 0 | -1>, D>>,
): Codec<N, D> {
  const byNumber = new Map<number, D>(
    Object.entries<D>(table).map(([key, word]) => [Number(key), word]),
  )
  const byWord = new Map<D, N>([...byNumber].map(([key, word]) => [word, key as N]))
  return {
    read: (value, path) =>
      byNumber.get(value) ??
      invalid(path, value === 0 ? 'is missing' : `unknown value ${value}, this side is older`),
    write: (word) => byWord.get(word) as N,
  }
}

/** Like `oneOf`, with the zero read as absent. */
export function optionalOneOf<N extends number, D extends string>(
  table: Readonly<Record<Exclude<N, 0 | -1>, D>>,
): Codec<N, D | undefined> {
  const strict = oneOf<N, D>(table)
  return {
    read: (value, path) => (value === 0 ? undefined : strict.read(value, path)),
    write: (word) => (word === undefined ? (0 as N) : strict.write(word)),
  }
}

/** One codec per field; a field missing on either side is a compile error. */
export type Fields<P, D> = {
  readonly [K in keyof P | keyof D]-?: K extends keyof P & keyof D
    ? Codec<P[K], D[K] | (undefined extends D[K] ? undefined : never)>
    : never
}

/** A message as a domain object of the same field names. Absent optionals stay absent keys. */
export function record<P extends object, D extends object>(fields: Fields<P, D>): Codec<P, D> {
  const table = Object.entries(fields) as [string, Codec<unknown, unknown>][]
  return {
    read(message, path) {
      const result: Record<string, unknown> = {}
      for (const [name, codec] of table) {
        const value = codec.read((message as Record<string, unknown>)[name], `${path}.${name}`)
        if (value !== undefined) result[name] = value
      }
      return result as D
    },
    write(value) {
      const result: Record<string, unknown> = {}
      for (const [name, codec] of table)
        result[name] = codec.write((value as Record<string, unknown>)[name])
      return result as P
    },
  }
}
