/** Tokens: shown once when they are made, and never again. */
import { describe, type Field, timestamp, until, type View } from '../../output/index.ts'

/** A token that was made. */
export interface NewSecret {
  readonly json: unknown
  readonly name: string
  readonly secret: string
  /** What else there is to know. */
  fields(end: (time: Date | undefined) => string): readonly Field[]
}

/** A new token for people and programs. */
export function secretView({ json, name, secret, fields }: NewSecret): View {
  return {
    json,
    names: [name],
    human({ paint, nowMs }) {
      const description = describe(paint)
      const end = (time: Date | undefined) =>
        time === undefined ? '' : `${timestamp(time)} (${until(time, nowMs)})`
      description.fields([['Token', secret, 'strong'], ...fields(end)])
      description.line('Keep it now: it is not shown again.', 'warning')
      return description.text()
    },
  }
}
