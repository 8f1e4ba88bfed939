import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority, createJoinToken, loadAuthority, validityOf } from '@keelson/shared/pki'
import { seededRng, systemClock, systemRng } from '@keelson/shared/runtime'
import { createFakeClock, type FakeClock } from '@keelson/shared/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Credentials, createCredentials } from './credentials.ts'
import { CLUSTER, startTestCoordinator, type TestCoordinator } from './fixture.ts'
import { createIdentityStore, type Identity } from './identity.ts'

const HOUR_MS = 3_600_000
const silent = { info() {}, warn() {} }
const { signal } = new AbortController()

let directory: string
let coordinator: TestCoordinator
let clock: FakeClock
let token: string | undefined
let heldCluster: string
const open: Credentials[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keelson-identity-'))
  coordinator = await startTestCoordinator()
  clock = createFakeClock({ now: Date.now() })
  token = coordinator.token
  heldCluster = ''
})
afterEach(async () => {
  for (const each of open.splice(0)) await each.stop()
  await coordinator.close()
  await rm(directory, { recursive: true, force: true })
})

const store = () => createIdentityStore(directory, systemRng)

function start(servers: readonly string[] = [coordinator.address]): Credentials {
  const credentials = createCredentials({
    store: store(),
    node: 'n1',
    servers,
    labels: { rack: 'a' },
    joinToken: async () => token,
    heldCluster: () => heldCluster,
    clock,
    rng: seededRng(1),
    log: silent,
  })
  open.push(credentials)
  return credentials
}

async function stored(): Promise<Identity> {
  const identity = await store().load()
  if (identity === undefined) throw new Error('nothing is stored')
  return identity
}

describe('the credentials of a host', () => {
  it('are got with a join token, and kept where only their owner can read them', async () => {
    const source = await start().source(signal)
    const { machineKey, ...request } = coordinator.enrolled[0]!
    expect(request).toMatchObject({ node: 'n1', labels: { rack: 'a' }, joinToken: token })
    expect(machineKey).toMatch(/^[0-9a-f]{64}$/)
    expect(await stored()).toMatchObject({ node: 'n1', clusterId: CLUSTER, ...source.current() })
    for (const file of ['identity.json', 'machine.key'])
      expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600)
  })

  it('need no token once they are there', async () => {
    const first = await start().source(signal)
    token = undefined
    const second = await start().source(signal)
    expect(second.current()).toEqual(first.current())
    expect(coordinator.enrolled).toHaveLength(1)
  })

  it('come from whichever coordinator answers', async () => {
    await start(['127.0.0.1:1', coordinator.address]).source(signal)
    expect(coordinator.enrolled).toHaveLength(1)
    await expect(start(['127.0.0.1:1']).source(signal)).resolves.toBeDefined()
  })

  it('say what to do when there is neither certificate nor token', async () => {
    token = undefined
    await expect(start().source(signal)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'this host has not joined a cluster',
      details: expect.arrayContaining([expect.stringContaining('--join-token-file')]),
    })
  })

  it('never show the token to a coordinator that it does not pin', async () => {
    const options = { clock: systemClock, rng: systemRng }
    const other = await loadAuthority(await createAuthority({ name: 'other', ...options }), options)
    token = createJoinToken(systemRng, other.fingerprint).text
    await expect(start().source(signal)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(coordinator.enrolled).toHaveLength(0)
  })

  it.each([
    [
      'a token nobody issued',
      () => createJoinToken(systemRng, coordinator.authority.fingerprint).text,
      'UNAUTHENTICATED',
    ],
    ['a text that is no token', () => 'hello', 'INVALID_ARGUMENT'],
  ])('are refused for %s', async (_, text, code) => {
    token = text()
    await expect(start().source(signal)).rejects.toMatchObject({ code })
    expect(await store().load()).toBeUndefined()
  })

  it('are not taken from another cluster than the one whose data is here', async () => {
    heldCluster = 'cluster-9'
    await expect(start().source(signal)).rejects.toThrow(
      'this host holds data of cluster cluster-9',
    )
    expect(await store().load()).toBeUndefined()
  })

  it('are renewed after two thirds of their life, without a token', async () => {
    const credentials = start()
    const source = await credentials.source(signal)
    const before = source.current()
    token = undefined
    await clock.advance(HOUR_MS / 2)
    expect(coordinator.renewed).toEqual([])
    coordinator.validForMs = 10 * HOUR_MS
    await clock.advance(HOUR_MS / 5)
    await vi.waitFor(() => expect(source.current()).not.toBe(before), 5_000)
    expect(coordinator.renewed).toEqual(['n1'])
    expect(await stored()).toMatchObject(source.current())
    expect(validityOf(source.current().certificatePem).notAfter).toBeGreaterThan(
      Date.now() + 9 * HOUR_MS,
    )
    await clock.advance(HOUR_MS)
    expect(coordinator.renewed).toHaveLength(1)
  })

  it('say what to do when they have expired, and come anew with a token, as the same machine', async () => {
    await start().source(signal)
    token = undefined
    await clock.advance(2 * HOUR_MS)
    const later = start()
    await expect(later.source(signal)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('the certificate of this host expired at 20'),
    })
    token = coordinator.issueToken()
    coordinator.validForMs = 10 * HOUR_MS
    await later.source(signal)
    expect(coordinator.enrolled).toHaveLength(2)
    const [first, second] = coordinator.enrolled
    expect(second?.machineKey).toBe(first?.machineKey)
  })

  it('come anew for a host that was deleted, if it is given a new token', async () => {
    const credentials = start()
    await credentials.source(signal)
    credentials.disowned()
    await credentials.source(signal)
    expect(coordinator.enrolled).toHaveLength(1)
    token = coordinator.issueToken()
    await credentials.source(signal)
    expect(coordinator.enrolled).toHaveLength(2)
    expect((await stored()).joinTokenId).toBe(token.split('.')[1])
    await credentials.source(signal)
    expect(coordinator.enrolled).toHaveLength(2)
  })

  it.each([
    ['{}', 'is damaged'],
    ['not JSON', 'is damaged'],
    ['', 'is damaged'],
  ])('of %j are reported as damaged and left where they are', async (text, problem) => {
    const path = join(directory, 'identity.json')
    await writeFile(path, text)
    const source = start().source(signal)
    await expect(source).rejects.toThrow(problem)
    await expect(source).rejects.toMatchObject({ code: 'DATA_LOSS' })
    expect(await readFile(path, 'utf8')).toBe(text)
  })
})
