import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClusterStatus } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CREATED, createFakeCluster, type FakeCluster, NOW_MS } from '../../testing/index.ts'

let cluster: FakeCluster
const clock = { now: () => NOW_MS, after: () => ({ cancel: () => undefined }) }

beforeAll(async () => {
  cluster = await createFakeCluster()
})
afterAll(() => cluster.close())

describe('cluster status', () => {
  it('shows counts and controllers', async () => {
    const status = ClusterStatus.fromPartial({
      ...{ clusterId: 'c1', version: '0.1.0', storeEngine: 'lmdb', revision: 42n, startMs: 850 },
      ...{ storeSizeBytes: 4096n, servingSince: CREATED },
      counts: { volumes: 3n, 'nodes.online': 2n },
      controllers: [{ name: 'volume-phase', passes: 9n, lastError: 'no' }],
    })
    cluster.services = { cluster: { getClusterStatus: async () => ({ status }) } }
    const { stdout } = await cluster.run('cluster status', { clock })
    expect(stdout).toContain('Store:          lmdb, revision 42, 4KiB\n')
    expect(stdout).toContain('Last backup:    none since the start\n')
    expect(stdout).toContain('Counts:\n  nodes.online:  2\n  volumes:       3\n')
    expect(stdout).toMatch(/\n {2}volume-phase +9 +- +0s +no\n/)
  })
})

describe('cluster verify', () => {
  const verified = (violations: { rule: string; subject: string; message: string }[]) => {
    cluster.services = {
      cluster: {
        verifyCluster: async () => ({ violations, recordsChecked: 7n, resourceVersion: 42n }),
      },
    }
  }

  it('ends with 0 when the cluster is sound', async () => {
    verified([])
    expect(await cluster.run('cluster verify')).toEqual({
      ...{ code: 0, stdout: 'sound: 7 records checked at revision 42\n', stderr: '' },
    })
    const { stdout } = await cluster.run('cluster verify -o json')
    expect(JSON.parse(stdout)).toMatchObject({ violations: [], recordsChecked: '7' })
  })

  it('ends with 1 and lists what is broken', async () => {
    verified([{ rule: 'minor-unique', subject: 'volume/data', message: 'n1: minor 1000 twice' }])
    const { code, stdout, stderr } = await cluster.run('cluster verify')
    expect(code).toBe(1)
    expect(stdout).toContain('minor-unique  volume/data  n1: minor 1000 twice')
    expect(stderr).toContain('error: 1 invariants are broken\n  7 records checked')
  })
})

describe('cluster backup', () => {
  const sending = (...pieces: (string | KeelsonError)[]) => {
    cluster.services = {
      cluster: {
        async *backupCluster() {
          for (const piece of pieces) {
            if (piece instanceof KeelsonError) throw piece
            yield { data: Buffer.from(piece), resourceVersion: 42n }
          }
        },
      },
    }
  }
  const path = (name: string) => join(cluster.directory, name)

  it('writes all pieces to a file that only its owner may read', async () => {
    sending('one ', 'two')
    const { code, stdout } = await cluster.run('cluster backup whole.backup')
    expect([code, stdout]).toEqual([0, 'whole.backup written: 7B (7 bytes), revision 42\n'])
    expect(await readFile(path('whole.backup'), 'utf8')).toBe('one two')
    expect((await stat(path('whole.backup'))).mode & 0o777).toBe(0o600)
  })

  it('does not replace a file unless forced to', async () => {
    await writeFile(path('old.backup'), 'old')
    sending('new')
    expect((await cluster.run('cluster backup old.backup')).code).toBe(6)
    expect(await readFile(path('old.backup'), 'utf8')).toBe('old')
    expect((await cluster.run('cluster backup old.backup --force')).code).toBe(0)
    expect(await readFile(path('old.backup'), 'utf8')).toBe('new')
  })

  it.each([
    ['breaks off', ['one ', new KeelsonError('INTERNAL', 'disk error')], 'disk error'],
    ['is empty', [], 'empty backup'],
  ])(
    'leaves the old file, and nothing half done, when the stream %s',
    async (_, pieces, message) => {
      await writeFile(path('kept.backup'), 'kept')
      sending(...pieces)
      const { code, stderr } = await cluster.run('cluster backup kept.backup --force')
      expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
      expect(await readFile(path('kept.backup'), 'utf8')).toBe('kept')
      await expect(stat(path('kept.backup.partial'))).rejects.toThrow('ENOENT')
    },
  )

  it('says so when the file cannot be written', async () => {
    sending('x')
    const { code, stderr } = await cluster.run('cluster backup nowhere/x.backup')
    expect([code, stderr]).toEqual([1, expect.stringContaining('cannot write nowhere/x.backup')])
  })
})

describe('cluster restore', () => {
  it('says what to run, because the store is the coordinator’s', async () => {
    const { code, stderr } = await cluster.run('cluster restore /b --data /d')
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('keelson-coordinator restore --data /d /b'),
    ])
  })
})

describe('tokens', () => {
  it('of users: the secret is shown once, with when it ends', async () => {
    let asked: object | undefined
    const userToken = {
      ...{ id: '5f3a', user: 'ada', role: 2 as const, createdAt: CREATED },
      expiresAt: new Date(NOW_MS + 86_400_000),
    }
    cluster.services = {
      cluster: {
        async createUserToken(request) {
          asked = { ...request }
          return { token: 'kut.5f3a.secret', userToken }
        },
        listUserTokens: async () => ({ userTokens: [userToken] }),
        deleteUserToken: async () => ({}),
      },
    }
    const line = 'cluster token create --user ada --role viewer --valid-for 1d'
    const { stdout } = await cluster.run(line, { clock })
    expect(asked).toEqual({ user: 'ada', role: 2, validForSeconds: 86_400 })
    expect(stdout).toMatch(/^Token: {2}kut.5f3a.secret\n/)
    expect(stdout).toContain('(in 1d)')
    expect((await cluster.run(`${line} -o name`)).stdout).toBe('userToken/5f3a\n')
    const list = await cluster.run('cluster token list', { clock })
    expect(list.stdout).toMatch(/\n5f3a +ada +viewer +60m +in 1d\n/)
    expect((await cluster.run('cluster token delete 5f3a')).stdout).toBe('userToken/5f3a deleted\n')
    const tried = await cluster.run('cluster token delete none --dry-run')
    expect([tried.code, tried.stderr]).toEqual([7, 'error: user token "none" does not exist\n'])
  })

  it('of hosts: how many, which, until when', async () => {
    let asked: object | undefined
    const joinToken = { id: '77', expiresAt: new Date(NOW_MS + 3_600_000), usesLeft: 3, node: 'n7' }
    cluster.services = {
      cluster: {
        async createJoinToken(request) {
          asked = { ...request }
          return { token: 'kjt.77.secret', joinToken }
        },
        listJoinTokens: async () => ({ joinTokens: [joinToken] }),
      },
    }
    const line = 'cluster join-token create --uses 3 --node n7 --valid-for 1h'
    expect((await cluster.run(line)).stdout).toContain('Uses:   3\n')
    expect(asked).toEqual({ validForSeconds: 3_600, uses: 3, node: 'n7' })
    const { stdout } = await cluster.run('cluster join-token list', { clock })
    expect(stdout).toMatch(/\n77 +n7 +3 +in 60m\n/)
    const tried = await cluster.run('cluster join-token delete 77 --dry-run')
    expect(tried.stdout).toBe('joinToken/77 would be deleted\n')
  })
})
