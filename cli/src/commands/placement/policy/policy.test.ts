import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GetPolicyResponse, SetPolicyResponse } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createFakeCluster, type FakeCluster } from '../../../testing/index.ts'

let cluster: FakeCluster
let file: string

beforeAll(async () => {
  cluster = await createFakeCluster()
  file = join(cluster.directory, 'policy.yaml')
})
afterEach(() => rm(file, { force: true }))
afterAll(() => cluster.close())

const policy = (version: bigint) =>
  GetPolicyResponse.fromPartial({
    policy: {
      version,
      weights: { space: 3 },
      guarantees: [{ failureDomain: 'topology.kubernetes.io/rack', losses: 1, mode: 3 }],
      cpuOvercommitPercent: 300,
    },
  })

describe('placement policy', () => {
  it('show: what it says, and for the effective one of a class', async () => {
    let asked: unknown
    cluster.services = {
      placement: {
        async getPolicy(request) {
          asked = request
          return policy(4n)
        },
      },
    }
    const { stdout } = await cluster.run('placement policy show --class fast --effective')
    expect(asked).toMatchObject({ scope: 2, name: 'fast', effective: true, version: 0n })
    expect(stdout).toMatch(/^Version: +4$/m)
    expect(stdout).toMatch(/^CPU over-commit: +300 %$/m)
    expect(stdout).toMatch(/^ {2}rack +1 +enforce$/m)
    expect(stdout).toMatch(/^ {2}space: +3$/m)
  })

  it('set: takes what show printed as YAML, and replaces the version in it', async () => {
    let asked: unknown
    cluster.services = {
      placement: {
        getPolicy: async () => policy(4n),
        async setPolicy(request) {
          asked = request
          return SetPolicyResponse.fromPartial({
            policy: { ...request.policy, version: 5n },
            brokenGuarantees: [
              {
                guarantee: { failureDomain: 'topology.kubernetes.io/rack' },
                domains: ['b'],
                summary: 'rack=b: 1 of 3 machines find no room',
              },
            ],
          })
        },
      },
    }
    const shown = await cluster.run('placement policy show -o yaml')
    await writeFile(file, shown.stdout)
    const { code, stdout } = await cluster.run(`placement policy set --file ${file}`)
    expect(asked).toEqual({ ...policy(4n), expectedVersion: 4n, dryRun: false })
    expect(stdout).toContain('policy of the cluster is version 5')
    expect(stdout).toMatch(/^ {2}rack=b +1 of 3 machines find no room$/m)
    expect(code).toBe(0)
  })

  it('set: takes the short names of labels that --domain takes', async () => {
    let asked: unknown
    cluster.services = {
      placement: {
        async setPolicy(request) {
          asked = request.policy?.guarantees.map(({ failureDomain }) => failureDomain)
          return SetPolicyResponse.fromPartial({ policy: request.policy })
        },
      },
    }
    await writeFile(
      file,
      'guarantees: [{failureDomain: rack}, {failureDomain: node}, {failureDomain: example.org/row}]',
    )
    await cluster.run(`placement policy set --file ${file}`)
    expect(asked).toEqual(['topology.kubernetes.io/rack', '', 'example.org/row'])
  })

  it('show and history: without a policy they say what holds instead', async () => {
    cluster.services = {
      placement: {
        async getPolicy() {
          throw new KeelsonError('NOT_FOUND', 'policy "cluster" does not exist')
        },
      },
    }
    for (const verb of ['show', 'history']) {
      const { code, stderr } = await cluster.run(`placement policy ${verb}`)
      expect([code, stderr]).toEqual([7, expect.stringContaining('policy show --effective')])
    }
  })

  it.each([
    ['weigths: {}', '"weigths" is none of scope, name'],
    ['- 1', 'has no policy in it'],
    ['a: [', 'policy.yaml cannot be read: Flow sequence'],
  ])('set: refuses a file that says %j', async (content, message) => {
    await writeFile(file, content)
    const { code, stderr } = await cluster.run(`placement policy set --file ${file}`)
    expect(stderr).toContain(message)
    expect(code).toBe(2)
  })

  it('history: every version that is kept, the newest first', async () => {
    cluster.services = {
      placement: {
        async getPolicy({ version }) {
          if (version === 3n) throw new KeelsonError('NOT_FOUND', 'not kept')
          return policy(version === 0n ? 5n : version)
        },
      },
    }
    const { stdout } = await cluster.run('placement policy history --no-headers')
    expect(stdout.split('\n').map((line) => line.trim().split(' ')[0])).toEqual(['5', '4', ''])
  })

  it('one scope at a time', async () => {
    const { code } = await cluster.run('placement policy show --class a --tenant b')
    expect(code).toBe(2)
  })
})
