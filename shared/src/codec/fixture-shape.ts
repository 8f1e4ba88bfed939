/** How arbitrary domain values are drawn, and what all of them are made of. */
import fc from 'fast-check'
import type { Condition, ObjectMeta } from '../model/index.ts'

/** What draws a `T`. */
export type Arbitrary<T> = fc.Arbitrary<T>

/** A field that may be absent. */
export interface Maybe<T> {
  readonly maybe: Arbitrary<T>
}

/** How each field is drawn; optional ones, and only they, are a `Maybe`. */
export type Fields<T> = {
  readonly [K in keyof T]-?: object extends Pick<T, K>
    ? Maybe<Exclude<T[K], undefined>>
    : Arbitrary<T[K]>
}

/** An object of these fields. */
export function shape<T>(fields: Fields<T>): Arbitrary<T> {
  const entries = Object.entries(fields) as [string, Arbitrary<unknown> | Maybe<unknown>][]
  const drawn = entries.map(([key, field]) => [key, 'maybe' in field ? field.maybe : field])
  const requiredKeys = entries.filter(([, field]) => !('maybe' in field)).map(([key]) => key)
  const constraints = { requiredKeys: requiredKeys as never[], noNullPrototype: true }
  return fc.record(Object.fromEntries(drawn), constraints) as Arbitrary<T>
}

/** A field that is absent now and then. */
export const maybe = <T>(arbitrary: Arbitrary<T>): Maybe<T> => ({ maybe: arbitrary })
/** One of these words. */
export const oneOf = <T extends string>(...words: readonly T[]) => fc.constantFrom<T[]>(...words)
/** A short list. */
export const list = <T>(item: Arbitrary<T>) => fc.array(item, { maxLength: 3 })
/** A list that is absent when it is empty. */
export const some = <T>(item: Arbitrary<T>) => fc.array(item, { minLength: 1, maxLength: 3 })

/** Any text. */
export const text = fc.string({ unit: 'binary', maxLength: 8 })
/** Some of them. */
export const texts = list(text)
/** A text whose empty value means a default. */
export const word = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 })
/** True or false. */
export const bool = fc.boolean()
/** What a 32-bit field may carry. */
export const count = fc.nat(2 ** 31 - 1)
/** Everything a 64-bit field may carry here: whole numbers a double holds exactly. */
export const big = fc.oneof(count, fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }))
/** Any number but NaN and -0. */
export const double = fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value))
/** Up to the year 2100. */
export const time = fc.integer({ min: 0, max: 4_102_444_800_000 })
/** A key of a label. */
export const labelKey = fc.stringMatching(/^[a-z][a-z0-9./]{0,7}$/)
/** A few labels. */
export const labels = fc.dictionary(labelKey, text, { maxKeys: 3, noNullPrototype: true })

/** An identity. */
export const meta = shape<ObjectMeta>({
  name: text,
  uid: text,
  tenant: maybe(text),
  labels,
  generation: big,
  resourceVersion: big,
  createdAt: time,
  deletionRequestedAt: maybe(time),
})

/** A few conditions. */
export const conditions = list(
  shape<Condition>({
    type: text,
    status: oneOf('True', 'False', 'Unknown'),
    reason: text,
    message: text,
    lastTransitionAt: time,
  }),
)
