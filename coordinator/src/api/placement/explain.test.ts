import {
  ExplainVirtualMachineRequest,
  ExplainVolumeRequest,
  GetPolicyRequest,
  SetPolicyRequest,
} from '@keelson/shared/api'
import { describe, expect, it } from 'vitest'
import { createWorld, type World } from '../../testing/index.ts'
import type { Term } from '../term.ts'
import { explainHandlers } from './explain.ts'
import { policyHandlers } from './policy.ts'

/** A term over a world, as far as these handlers need one. */
function termOf(world: World): () => Term {
  const pipeline = {
    state: world.state,
    settled: async () => undefined,
    submit: async (command: Parameters<World['decide']>[0]) => {
      const { outcome, writes } = world.decide(command)
      const record = (kind: string, id: string) =>
        writes.find((write) => write.kind === kind && write.id === id)?.value
      return { outcome, record }
    },
  }
  const admission = { stamp: () => world.stamp('policy') }
  return () => ({ pipeline, admission }) as unknown as Term
}

const context = (role: 'admin' | 'viewer') =>
  ({ identity: { kind: 'user', name: 'ada', role }, method: '/x.Y/Z' }) as never

const withCode = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('ExplainVolume', () => {
  const handlers = explainHandlers(termOf(createWorld()))
  const explain = (request: Partial<ExplainVolumeRequest>) =>
    handlers.explainVolume(ExplainVolumeRequest.fromPartial(request as never), context('viewer'))

  it('explains what is only supposed', async () => {
    const demand = { sizeBytes: BigInt(2 ** 20) }
    const { report } = await explain({ subject: { $case: 'demand', value: demand } } as never)
    expect(report!.summary).toBe('1 × 1 MiB cannot be placed: there are no storage pools')
  })

  it('refuses what is missing, unknown or no longer kept', async () => {
    const named = { $case: 'name', value: 'data' } as const
    await expect(explain({})).rejects.toEqual(withCode('INVALID_ARGUMENT', /subject/))
    await expect(explain({ subject: named })).rejects.toEqual(withCode('NOT_FOUND', /data/))
    await expect(explain({ subject: named, resourceVersion: 999n })).rejects.toEqual(
      withCode('OUT_OF_RANGE', /revision 999 is not kept: only the newest is/),
    )
  })
})

describe('ExplainVirtualMachine', () => {
  it('refuses a machine that does not exist', async () => {
    const handlers = explainHandlers(termOf(createWorld()))
    const request = { subject: { $case: 'name', value: 'web' } }
    await expect(
      handlers.explainVirtualMachine(
        ExplainVirtualMachineRequest.fromPartial(request as never),
        context('viewer'),
      ),
    ).rejects.toEqual(withCode('NOT_FOUND', /vm "web"/))
  })
})

describe('policies', () => {
  it('are set as a next version, and read by version or as they take effect', async () => {
    const handlers = policyHandlers(termOf(createWorld()))
    const get = (request: object) =>
      handlers.getPolicy(GetPolicyRequest.fromPartial(request), context('viewer'))
    const set = (request: object) =>
      handlers.setPolicy(SetPolicyRequest.fromPartial(request), context('admin'))
    await expect(get({})).rejects.toEqual(withCode('NOT_FOUND', /policy "cluster"/))
    const first = await set({ policy: { cpuOvercommitPercent: 200 } })
    expect(first.policy!.version).toBe(1n)
    await set({ policy: { cpuOvercommitPercent: 300 }, expectedVersion: 1n })
    expect((await get({})).policy!.cpuOvercommitPercent).toBe(300)
    expect((await get({ version: 1n })).policy!.cpuOvercommitPercent).toBe(200)
    const { policy } = await get({ scope: 3, name: 'blue', effective: true })
    expect(policy).toMatchObject({ scope: 3, name: 'blue', cpuOvercommitPercent: 300 })
    expect(policy!.weights.space).toBeGreaterThan(0)
    await expect(get({ version: 9n })).rejects.toEqual(withCode('NOT_FOUND', /1 to 2 are/))
    await expect(set({ policy: {}, expectedVersion: 1n })).rejects.toEqual(
      withCode('ABORTED', /version 2, not 1/),
    )
    await expect(get({ version: 1n, effective: true })).rejects.toEqual(
      withCode('INVALID_ARGUMENT', /needs version 0/),
    )
  })

  it('are for admins to set', async () => {
    const handlers = policyHandlers(termOf(createWorld()))
    await expect(
      handlers.setPolicy(SetPolicyRequest.fromPartial({ policy: {} }), context('viewer')),
    ).rejects.toEqual(withCode('PERMISSION_DENIED', /role admin/))
  })
})
