import { StorageClass } from '@keelson/shared/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFakeCluster, type FakeCluster } from '../../testing/index.ts'

let cluster: FakeCluster

beforeAll(async () => {
  cluster = await createFakeCluster()
})
afterAll(() => cluster.close())

describe('class create', () => {
  it.each([
    [
      'class create gold --replicas 3',
      { replicas: 3, poolKinds: [], failureDomain: '', failureDomainMode: 0 },
    ],
    [
      'class create gold --replicas 2 --pool fast --kind FILE --kind FILE_THIN ' +
        '--pool-selector tier=gold --failure-domain zone --failure-domain-mode different',
      {
        ...{ replicas: 2, pool: 'fast', poolKinds: [5, 6], poolSelector: 'tier=gold' },
        ...{ failureDomain: 'zone', failureDomainMode: 1 },
      },
    ],
  ])('%s', async (line, spec) => {
    let asked: object | undefined
    cluster.services = {
      classes: {
        async createStorageClass(request) {
          asked = request
          const { name, spec } = request
          return { storageClass: { ...StorageClass.fromPartial({ meta: { name } }), spec } }
        },
      },
    }
    const { code, stdout } = await cluster.run(`${line} --no-headers`)
    expect(asked).toMatchObject({ name: 'gold', spec })
    expect(stdout).toMatch(/^gold +[23] /)
    expect(code).toBe(0)
  })
})

describe('class show', () => {
  it('says what holds where a rule is left open', async () => {
    const storageClass = StorageClass.fromPartial({ meta: { name: 'gold' }, spec: { replicas: 2 } })
    cluster.services = { classes: { getStorageClass: async () => ({ storageClass }) } }
    const { stdout } = await cluster.run('class show gold')
    expect(stdout).toContain('Failure domain:  topology.kubernetes.io/rack (prefer-different)')
    expect(stdout).toContain('Kinds:           any')
  })
})
