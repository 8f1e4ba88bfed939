/**
 * Flags by the type of their value. A flag's long name is its key in the verb's table, in
 * kebab-case, so that what the verb reads and what the user writes cannot drift apart.
 */
import { checkLabels, parseSize } from '@keelson/shared/model'
import { usageError } from '../errors/index.ts'
import type { Completion } from './arguments.ts'
import { parseDuration } from './duration.ts'

/** A flag; `T` is what the verb gets. */
export interface Flag<T> {
  readonly summary: string
  /** What stands for the value in the help; empty for a switch. */
  readonly placeholder: string
  /** One letter. */
  readonly short?: string
  readonly required: boolean
  /** A switch that `--no-…` turns off. */
  readonly negatable: boolean
  /** What the verb gets when the flag is not given. */
  readonly absent: T
  readonly choices?: readonly string[]
  readonly complete?: Completion
  /** The value of a text; `before` is the value so far when the flag is repeated. */
  readonly parse: (text: string, before: T) => T
}

/** What most flags leave as it is. */
export interface FlagExtras {
  readonly short?: string
  readonly complete?: Completion
}

function valueFlag<T>(
  placeholder: string,
  summary: string,
  parse: (text: string) => T,
  extras: FlagExtras = {},
): Flag<T | undefined> {
  return {
    ...{ summary, placeholder, required: false, negatable: false, absent: undefined, parse },
    ...extras,
  }
}

/** Text as it is; an empty one is refused. */
export function text(placeholder: string, summary: string, extras?: FlagExtras) {
  return valueFlag(placeholder, summary, notEmpty, extras)
}

function notEmpty(value: string): string {
  if (value === '') throw usageError('the value is empty')
  return value
}

/** Bytes, written as "10GiB", "10G" (10^9), "512MiB" or a plain number; 0 is refused. */
export function sizeBytes(summary: string) {
  return valueFlag('size', summary, (value) => {
    const bytes = parseSize(value)
    if (bytes === 0) throw usageError('a size of 0 is of no use')
    return BigInt(bytes)
  })
}

/** A whole number from `least` to `most`. */
export function wholeNumber(
  placeholder: string,
  summary: string,
  [least, most]: readonly [number, number],
) {
  return valueFlag(placeholder, summary, (value) => {
    const number = Number(value)
    if (!/^\d+$/.test(value) || number < least || number > most)
      throw usageError(`"${value}" is not a whole number from ${least} to ${most}`)
    return number
  })
}

/** A number with decimals from `least` to `most`. */
export function decimal(
  placeholder: string,
  summary: string,
  [least, most]: readonly [number, number],
) {
  return valueFlag(placeholder, summary, (value) => {
    const number = Number(value)
    if (!/^\d+(\.\d+)?$/.test(value) || number < least || number > most)
      throw usageError(`"${value}" is not a number from ${least} to ${most}`)
    return number
  })
}

/** Milliseconds, written as "30s", "5m" or "7d"; 0 is refused. */
export function durationMs(summary: string) {
  return valueFlag('duration', summary, (value) => {
    const ms = parseDuration(value)
    if (ms === 0) throw usageError('a duration of 0 is of no use')
    return ms
  })
}

/** One of these words. */
export function choice<const W extends string>(
  words: readonly W[],
  summary: string,
  extras?: FlagExtras,
): Flag<W | undefined> {
  const flag = valueFlag(words.join('|'), summary, (value) => oneOf(words, value), extras)
  return { ...flag, choices: words, complete: words }
}

/** Some of these words: repeated, or joined by commas. */
export function choices<const W extends string>(
  words: readonly W[],
  summary: string,
): Flag<readonly W[]> {
  return {
    ...{ summary, placeholder: words.join('|'), required: false, negatable: false, absent: [] },
    ...{ choices: words, complete: words },
    parse: (value, before) => [...before, ...split(value).map((each) => oneOf(words, each))],
  }
}

function oneOf<W extends string>(words: readonly W[], value: string): W {
  const found = words.find((word) => word === value)
  if (found === undefined) throw usageError(`"${value}" is not one of ${words.join(', ')}`)
  return found
}

/** Texts: repeated, or joined by commas. */
export function texts(
  placeholder: string,
  summary: string,
  extras: FlagExtras = {},
): Flag<readonly string[]> {
  return {
    ...{ summary, placeholder, required: false, negatable: false, absent: [] },
    ...extras,
    parse: (value, before) => [...before, ...split(value)],
  }
}

/** Values with a form of their own, one per use: commas are part of them. */
export function repeated<T>(
  placeholder: string,
  summary: string,
  parse: (text: string) => T,
  extras: FlagExtras = {},
): Flag<readonly T[]> {
  return {
    ...{ summary, placeholder, required: false, negatable: false, absent: [] },
    ...extras,
    parse: (value, before) => [...before, parse(notEmpty(value))],
  }
}

function split(value: string): string[] {
  return value.split(',').map((part) => notEmpty(part.trim()))
}

/** Labels, "key=value": repeated, or joined by commas. */
export function labels(summary: string): Flag<Readonly<Record<string, string>>> {
  return {
    ...{ summary, placeholder: 'key=value', required: false, negatable: false, absent: {} },
    parse: (value, before) =>
      checkLabels({ ...before, ...Object.fromEntries(split(value).map(parseLabel)) }),
  }
}

/** Key and value of "key=value". */
export function parseLabel(text: string): [key: string, value: string] {
  const at = text.indexOf('=')
  if (at <= 0) throw usageError(`"${text}" is not a label (key=value)`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** A switch that is off unless given. */
export function toggle(summary: string, extras: FlagExtras = {}): Flag<boolean> {
  return {
    ...{ summary, placeholder: '', required: false, negatable: false, absent: false },
    ...extras,
    parse: () => true,
  }
}

/** A switch that is on unless `--no-…` is given; the summary says what `--no-…` does. */
export function negatable(summary: string): Flag<boolean> {
  return { ...toggle(summary), negatable: true, absent: true }
}

/** The same flag, without which the verb does not run. */
export function required<T>(flag: Flag<T | undefined>): Flag<T> {
  // A required flag is never absent, so the verb never gets `undefined`.
  return { ...flag, required: true } as Flag<T>
}
