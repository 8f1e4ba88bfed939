import { ObjectMeta, WatchType } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { sleep } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import { type WatchStep, waitFor } from './wait.ts'

interface Thing {
  readonly meta: ObjectMeta
  readonly state: string
}

const { WATCH_TYPE_ADDED, WATCH_TYPE_MODIFIED, WATCH_TYPE_DELETED, WATCH_TYPE_BOOKMARK } = WatchType

function thing(state: string, uid = 'u1'): Thing {
  return { meta: ObjectMeta.fromPartial({ uid, resourceVersion: 4n }), state }
}

function step(type: WatchType, item?: Thing): WatchStep<Thing> {
  return { type, item, resourceVersion: 5n }
}

/** Waits for a thing to be ready, or gone, while a watch tells these steps and then nothing. */
async function wait(
  goal: 'ready' | 'gone',
  initial: Thing,
  ...streams: readonly (WatchStep<Thing> | KeelsonError)[][]
) {
  const clock = createFakeClock({ now: 0 })
  const stop = new AbortController()
  const told: string[] = []
  const opened: bigint[] = []
  const running = waitFor<Thing>(
    {
      subject: 'thing/t',
      initial,
      async *watch(from, signal) {
        for (const next of streams[opened.push(from) - 1] ?? []) {
          if (next instanceof KeelsonError) throw next
          yield next
        }
        await sleep(clock, 1e9, signal)
      },
      standing: ({ state }) => ({
        summary: state,
        troubles: state.startsWith('Failed') ? [state] : [],
      }),
      ...(goal === 'gone'
        ? {}
        : { verdict: ({ state }) => (state === 'Ready' ? 'done' : 'waiting') }),
    },
    {
      ...{ timeoutMs: 30_000, clock, signal: stop.signal },
      progress: {
        show: (text) => told.push(`show ${text}`),
        warn: (text) => told.push(`warn ${text}`),
        note: (text) => told.push(`note ${text}`),
        clear: () => told.push('clear'),
      },
    },
  )
  const ended = running.then(
    (last) => ({ last, error: undefined }),
    (error: KeelsonError) => ({ last: undefined, error }),
  )
  return { clock, stop, told, opened, ended }
}

async function outcome(...args: Parameters<typeof wait>) {
  const waiting = await wait(...args)
  await waiting.clock.advance(60_000)
  return { ...waiting, ...(await waiting.ended) }
}

describe('waiting until something is ready', () => {
  it('does not watch what is ready already', async () => {
    const { last, opened } = await outcome('ready', thing('Ready'))
    expect([last?.state, opened]).toEqual(['Ready', []])
  })

  it('watches from the state it knows, and returns the state it waited for', async () => {
    const { last, opened, told } = await outcome('ready', thing('Pending'), [
      step(WATCH_TYPE_MODIFIED, thing('Failed: no space')),
      step(WATCH_TYPE_MODIFIED, thing('Ready', 'another of the name')),
      step(WATCH_TYPE_MODIFIED, thing('Ready')),
    ])
    expect([last?.state, opened]).toEqual(['Ready', [4n]])
    expect(told).toEqual([
      'show thing/t: Pending',
      'warn thing/t: Failed: no space; still waiting',
      'show thing/t: Failed: no space',
      'clear',
    ])
  })

  it('gives up at the timeout with the last state, and says that the work goes on', async () => {
    const { error } = await outcome('ready', thing('Pending'), [
      step(WATCH_TYPE_MODIFIED, thing('Failed: no space')),
    ])
    expect(error).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'thing/t is not ready after 30s',
      details: [
        'last state: Failed: no space',
        'Failed: no space',
        'the work goes on; --timeout waits longer',
      ],
    })
  })

  it('outlives a coordinator that restarts, and one that forgot the past', async () => {
    const { last, opened } = await outcome(
      'ready',
      thing('Pending'),
      [new KeelsonError('UNAVAILABLE', 'restarting')],
      [new KeelsonError('OUT_OF_RANGE', 'too old')],
      [step(WATCH_TYPE_ADDED, thing('Ready')), step(WATCH_TYPE_BOOKMARK)],
    )
    expect([last?.state, opened]).toEqual(['Ready', [4n, 4n, 0n]])
  })

  it('says so when it was deleted meanwhile', async () => {
    const gone = [step(WATCH_TYPE_DELETED, thing('Pending'))]
    const { error } = await outcome('ready', thing('Pending'), gone)
    expect(error).toMatchObject({ code: 'NOT_FOUND', message: 'thing/t was deleted meanwhile' })
  })

  it('stops when the user has seen enough', async () => {
    const { stop, ended, told, clock } = await wait('ready', thing('Pending'), [])
    await clock.settle()
    stop.abort()
    expect((await ended).error).toBeDefined()
    expect(told).toContain('note thing/t goes on without anybody waiting')
  })
})

describe('waiting until something is gone', () => {
  it('ends when it is deleted', async () => {
    const { last } = await outcome('gone', thing('Deleting'), [
      step(WATCH_TYPE_MODIFIED, thing('Deleting: n1')),
      step(WATCH_TYPE_DELETED, thing('Deleting: n1')),
    ])
    expect(last?.state).toBe('Deleting: n1')
  })

  it('ends when a list no longer has it, though it has another of the name', async () => {
    const { last, opened } = await outcome(
      'gone',
      thing('Deleting'),
      [new KeelsonError('OUT_OF_RANGE', 'too old')],
      [step(WATCH_TYPE_ADDED, thing('Pending', 'u2')), step(WATCH_TYPE_BOOKMARK)],
    )
    expect([last?.state, opened]).toEqual(['Deleting', [4n, 0n]])
  })

  it('does not take the bookmark of a watch that lists nothing for the end', async () => {
    const { error } = await outcome('gone', thing('Deleting'), [step(WATCH_TYPE_BOOKMARK)])
    expect(error).toMatchObject({ message: 'thing/t is not gone after 30s' })
  })
})
