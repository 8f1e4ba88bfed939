import { KeelsonError } from '@keelson/shared/errors'
import { createFakeClock } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import { follow } from './follow.ts'

interface Step {
  readonly at: bigint
  readonly endsList?: boolean
}

/** One stream after another: its steps, then how it ends. */
type Script = readonly (readonly [steps: readonly Step[], end?: KeelsonError])[]

const lost = new KeelsonError('UNAVAILABLE', 'lost the connection')
const compacted = new KeelsonError('OUT_OF_RANGE', 'too old', { reason: 'compacted' })
const list = [{ at: 5n }, { at: 5n }, { at: 5n, endsList: true }]

async function play(
  script: Script,
  options: { from?: bigint; patient?: boolean; lists?: boolean },
) {
  const clock = createFakeClock({ now: 0 })
  const abort = new AbortController()
  const opened: bigint[] = []
  const seen: bigint[] = []
  const interruptions: string[] = []
  const steps = follow<Step>({
    async *open(from) {
      const [steps, end] = script[opened.length] ?? [[]]
      opened.push(from)
      yield* steps
      if (end) throw end
    },
    position: ({ at }) => at,
    from: options.from ?? 0n,
    clock,
    signal: abort.signal,
    patient: options.patient ?? false,
    onInterruption: ({ message }) => interruptions.push(message),
    ...(options.lists === false ? {} : { endsListing: (step) => step.endsList === true }),
  })
  const run = (async () => {
    for await (const { at } of steps) seen.push(at)
  })()
  const ended = run.then(
    () => undefined,
    (error: KeelsonError) => error,
  )
  await clock.advance(60_000)
  return { error: await ended, opened, seen, interruptions }
}

describe('following a stream', () => {
  it('continues where it broke off, and tells once', async () => {
    const played = await play([[[...list, { at: 6n }], lost], [[], lost], [[{ at: 7n }]]], {})
    expect(played.opened).toEqual([0n, 6n, 6n])
    expect(played.seen).toEqual([5n, 5n, 5n, 6n, 7n])
    expect(played.interruptions).toEqual(['lost the connection'])
    expect(played.error).toBeUndefined()
  })

  it('begins a list that broke off halfway again, or the rest of it would be missed', async () => {
    const played = await play([[list.slice(0, 1), lost], [list]], {})
    expect(played.opened).toEqual([0n, 0n])
  })

  it('begins anew when the steps in between are no longer kept', async () => {
    const played = await play([[[{ at: 9n }], lost], [[], compacted], [list]], { from: 8n })
    expect(played.opened).toEqual([8n, 9n, 0n])
    expect(played.seen).toEqual([9n, 5n, 5n, 5n])
  })

  it('says so when it cannot begin anew, rather than leaving a hole', async () => {
    const options = { from: 8n, lists: false }
    const played = await play(
      [
        [[{ at: 9n }], lost],
        [[], compacted],
      ],
      options,
    )
    expect(played.error).toBe(compacted)
  })

  it('gives up at once when nobody is there at the start, unless it is patient', async () => {
    const script: Script = [[[], lost], [list]]
    expect((await play(script, {})).error).toBe(lost)
    const patient = await play(script, { patient: true })
    expect(patient).toMatchObject({ error: undefined, opened: [0n, 0n] })
  })

  it('does not try again what trying again does not heal', async () => {
    const refused = new KeelsonError('PERMISSION_DENIED', 'no')
    const played = await play([[list, refused]], { patient: true })
    expect(played).toMatchObject({ error: refused, opened: [0n] })
  })
})
