import type { CallContext } from '@keelson/shared/grpc'
import { describe, expect, it } from 'vitest'
import { admin, agent, reader } from './access.ts'

type Identity = CallContext['identity']

const method = 'keelson.v1.VolumeService.CreateVolume'
const as = (identity: Identity) => ({ identity, method }) as CallContext

const ADMIN: Identity = { kind: 'user', name: 'ada', role: 'admin' }
const VIEWER: Identity = { kind: 'user', name: 'ben', role: 'viewer' }
const NODE: Identity = { kind: 'node', node: 'n1' }
const NOBODY: Identity = { kind: 'anonymous' }

describe('who may call', () => {
  const allowed: [name: string, call: () => unknown, result: unknown][] = [
    ['an admin changes things', () => admin(as(ADMIN)), 'user/ada'],
    ['an admin reads', () => reader(as(ADMIN)), undefined],
    ['a viewer reads', () => reader(as(VIEWER)), undefined],
    ['a host speaks for itself', () => agent(as(NODE)), 'n1'],
  ]
  it.each(allowed)('%s', (_name, call, result) => {
    expect(call()).toBe(result)
  })

  const refused: [name: string, call: () => unknown, code: string, message: string][] = [
    [
      'a viewer changes nothing',
      () => admin(as(VIEWER)),
      'PERMISSION_DENIED',
      'viewer "ben" may not call CreateVolume: it needs the role admin',
    ],
    [
      'a host changes nothing',
      () => admin(as(NODE)),
      'PERMISSION_DENIED',
      'node "n1" may not call CreateVolume: it needs the role admin',
    ],
    ['a host does not read', () => reader(as(NODE)), 'PERMISSION_DENIED', 'a user token'],
    ['a user is no host', () => agent(as(ADMIN)), 'PERMISSION_DENIED', 'client certificate'],
    ['nobody changes nothing', () => admin(as(NOBODY)), 'UNAUTHENTICATED', 'needs the role admin'],
    ['nobody reads nothing', () => reader(as(NOBODY)), 'UNAUTHENTICATED', 'needs a user token'],
    ['nobody is no host', () => agent(as(NOBODY)), 'UNAUTHENTICATED', 'client certificate'],
  ]
  it.each(refused)('%s', (_name, call, code, message) => {
    expect(call).toThrow(expect.objectContaining({ code }))
    expect(call).toThrow(message)
  })
})
