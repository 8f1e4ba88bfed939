import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createKeyedQueue } from './keyed-queue.ts'

/** A task that begins, waits to be told, and ends. */
function createTask(log: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const run = async () => {
    log.push(`+${name}`)
    try {
      return await promise
    } finally {
      log.push(`-${name}`)
    }
  }
  return { run, end: () => resolve(name), fail: (error: Error) => reject(error) }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('tasks', () => {
  it('of one key run in order, one at a time', async () => {
    const queue = createKeyedQueue(10)
    const log: string[] = []
    const [a, b] = ['a', 'b'].map((name) => createTask(log, name))
    const results = Promise.all([queue.run('k', a!.run), queue.run('k', b!.run)])
    b!.end()
    await settle()
    expect(log).toEqual(['+a'])
    a!.end()
    expect(await results).toEqual(['a', 'b'])
    expect(log).toEqual(['+a', '-a', '+b', '-b'])
  })

  it('of different keys run side by side, up to the limit', async () => {
    const queue = createKeyedQueue(2)
    const log: string[] = []
    const tasks = ['a', 'b', 'c'].map((name) => createTask(log, name))
    const results = tasks.map((task, index) => queue.run(`k${index}`, task.run))
    await settle()
    expect(log).toEqual(['+a', '+b'])
    tasks[1]!.end()
    await settle()
    expect(log).toEqual(['+a', '+b', '-b', '+c'])
    tasks[0]!.end()
    tasks[2]!.end()
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c'])
  })

  it('that fail tell their caller, and the next of the key runs all the same', async () => {
    const queue = createKeyedQueue(1)
    const log: string[] = []
    const error = new Error('no')
    const bad = createTask(log, 'bad')
    const good = createTask(log, 'good')
    const failed = queue.run('k', bad.run)
    const ran = queue.run('k', good.run)
    bad.fail(error)
    good.end()
    await expect(failed).rejects.toBe(error)
    expect(await ran).toBe('good')
  })

  it('that throw before they wait free their slot, too', async () => {
    const queue = createKeyedQueue(1)
    const thrown = queue.run('a', () => {
      throw new Error('at once')
    })
    await expect(thrown).rejects.toThrow('at once')
    expect(await queue.run('b', async () => 'runs')).toBe('runs')
  })
})

describe('whatever is queued', () => {
  it('no key overlaps itself, the limit holds, and everything runs once', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd')
    const tasks = fc.array(fc.record({ key, turns: fc.nat(3), fails: fc.boolean() }))
    await fc.assert(
      fc.asyncProperty(tasks, fc.integer({ min: 1, max: 3 }), async (all, concurrency) => {
        const queue = createKeyedQueue(concurrency)
        const running = new Map<string, number>()
        const order = new Map<string, number[]>()
        const results = all.map((task, index) =>
          queue.run(task.key, async () => {
            expect(running.has(task.key)).toBe(false)
            running.set(task.key, index)
            expect(running.size).toBeLessThanOrEqual(concurrency)
            order.set(task.key, [...(order.get(task.key) ?? []), index])
            for (let turn = 0; turn < task.turns; turn++) await settle()
            running.delete(task.key)
            if (task.fails) throw new Error(String(index))
            return index
          }),
        )
        const ended = await Promise.allSettled(results)
        expect(ended.map(({ status }) => status)).toEqual(
          all.map(({ fails }) => (fails ? 'rejected' : 'fulfilled')),
        )
        for (const indexes of order.values())
          expect(indexes).toEqual(indexes.toSorted((a, b) => a - b))
      }),
      { numRuns: 50 },
    )
  })
})
