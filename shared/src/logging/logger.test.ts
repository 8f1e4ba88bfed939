import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { KeelsonError } from '../errors/index.ts'
import { type CreateLoggerOptions, createLogger, type Logger } from './logger.ts'

/** What a logger writes while `act` uses it. */
function lines(act: (log: Logger) => void, options: Partial<CreateLoggerOptions> = {}): string[] {
  const written: string[] = []
  act(createLogger({ process: 'agent', write: (line) => written.push(line), ...options }))
  return written
}

function entry(act: (log: Logger) => void): Record<string, unknown> {
  const [line, ...more] = lines(act)
  expect(more).toEqual([])
  return JSON.parse(line ?? '') as Record<string, unknown>
}

describe('createLogger', () => {
  it('writes one JSON line with time, level, process, message and fields', () => {
    const written = entry((log) => log.child({ node: 'n1' }).warn({ sizeBytes: 5 }, 'pool is full'))
    expect(written).toMatchObject({
      level: 'warn',
      process: 'agent',
      node: 'n1',
      sizeBytes: 5,
      msg: 'pool is full',
    })
    expect(new Date(String(written.time)).getTime()).toBeGreaterThan(0)
  })

  it('keeps to its level', () => {
    expect(lines((log) => log.debug('x'))).toEqual([])
    expect(lines((log) => log.error('x'), { level: 'silent' })).toEqual([])
    expect(lines((log) => log.debug('x'), { level: 'debug' })).toHaveLength(1)
  })

  it('writes readable lines when asked', () => {
    const [line] = lines((log) => log.info({ node: 'n1' }, 'joined'), { pretty: true })
    expect(line).toMatch(/INFO.*agent: joined.*"node":"n1"/)
  })

  it.each([false, true])('writes the last line before the process ends (pretty: %s)', (pretty) => {
    const script = `
      import { createLogger } from ${JSON.stringify(new URL('./logger.ts', import.meta.url).href)}
      createLogger({ process: 'agent', pretty: ${pretty} }).fatal('going down')
      process.kill(process.pid, 'SIGKILL')`
    const run = () =>
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'pipe' })
    expect(run).toThrow(/going down/)
  })
})

describe('errors in the log', () => {
  const root = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  const error = new KeelsonError('RESOURCE_EXHAUSTED', 'cannot create pool p1', {
    cause: new KeelsonError('INTERNAL', 'writing the header failed', { cause: root }),
    details: ['needs 4096 bytes'],
  })
  const logged = {
    type: 'KeelsonError',
    code: 'RESOURCE_EXHAUSTED',
    message: 'cannot create pool p1: writing the header failed: no space left on device',
    details: ['needs 4096 bytes'],
  }

  it.each<[string, (log: Logger) => void, string]>([
    ['alone', (log) => log.error(error), 'err'],
    ['as err', (log) => log.error({ err: error }, 'x'), 'err'],
    ['under another name', (log) => log.error({ why: error }, 'x'), 'why'],
  ])('carry the whole chain, %s', (_, act, field) => {
    expect(entry(act)[field]).toEqual(logged)
  })

  it('carry a stack only when nobody foresaw them', () => {
    const bug = KeelsonError.from(new TypeError('x is not a function'))
    const written = entry((log) => log.error(bug)).err
    expect(written).toMatchObject({
      code: 'INTERNAL',
      message: 'unexpected failure: x is not a function',
      stack: expect.stringMatching(/^TypeError: x is not a function\n {4}at /),
    })
  })
})

describe('secrets', () => {
  it.each(['token', 'secret', 'key', 'authorization', 'joinToken', 'privateKey', 'privateKeyPem'])(
    'are cut out under the name %s, at any depth, in fields and in bindings',
    (name) => {
      const [line] = lines((log) =>
        log
          .child({ [name]: 'hunter2', child: { [name]: 'hunter2' } })
          .info({ [name]: 'hunter2', a: [{ b: { c: { [name]: ['hunter2'] } } }] }, 'x'),
      )
      expect(line).not.toContain('hunter2')
      expect(JSON.parse(line ?? '')).toMatchObject({ [name]: '[redacted]' })
    },
  )

  const join = `kjt.0011223344556677.${'ab'.repeat(32)}.${'cd'.repeat(32)}`
  const user = `kut.0011223344556677.${'ab'.repeat(32)}`
  const pem = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----\n'
  it.each([
    ['a join token', `bad token ${join}!`],
    ['a user token', `bad token ${user}`],
    ['a private key', `cannot parse ${pem}`],
    ['a private key cut short', `cannot parse ${pem.slice(0, 40)}`],
  ])('are cut out of any text: %s', (_, text) => {
    for (const pretty of [false, true]) {
      const act = (log: Logger) => log.error({ note: text, err: new Error(text) }, text)
      const [line] = lines(act, { pretty })
      expect(line).toContain('[redacted]')
      expect(line).not.toMatch(/abab|cdcd|MIGH/)
    }
  })
})

describe('values', () => {
  it('that JSON cannot hold are written all the same, and stay bounded', () => {
    const loop: Record<string, unknown> = {}
    loop.again = loop
    const written = entry((log) =>
      log.info({
        size: 2n ** 60n,
        raw: new Uint8Array(9),
        at: new Date(0),
        map: new Map([['a', 1]]),
        many: Array.from({ length: 1000 }, () => 0),
        loop,
      }),
    )
    expect(written).toMatchObject({
      size: '1152921504606846976',
      raw: '[9 bytes]',
      at: '1970-01-01T00:00:00.000Z',
      map: [['a', 1]],
    })
    expect(written.many).toHaveLength(100)
  })
})
