import type { StorageClassSpec, StoragePoolSpec, VolumeSpec } from '@keelson/shared/model'
import { RACK_LABEL } from '@keelson/shared/model'
import { seededRng } from '@keelson/shared/runtime'
import { createFakeClock } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import { createAdmission } from './admission.ts'

const clock = createFakeClock({ now: 1_000 })
const admission = createAdmission({ clock, rng: seededRng(1) })

const named = { name: 'data', labels: {}, dryRun: false }
const refused = (call: () => unknown, message: string, code = 'INVALID_ARGUMENT') => {
  expect(call).toThrow(expect.objectContaining({ code }))
  expect(call).toThrow(message)
}

describe('every command', () => {
  it('is stamped with the time, who asked, and a fresh id', () => {
    const first = admission.plain('DeleteVolume', 'user/ada', { name: 'data' })
    const second = admission.plain('DeleteVolume', 'user/ada', { name: 'data' })
    expect(first).toMatchObject({ type: 'DeleteVolume', name: 'data' })
    expect(first.stamp).toMatchObject({ now: 1_000, actor: 'user/ada' })
    expect(first.stamp.uid).not.toBe(second.stamp.uid)
  })
})

describe('names', () => {
  const spec = { poolSelector: '', replicas: 1 } as StorageClassSpec
  const creations: [kind: string, create: (name: string) => unknown][] = [
    ['class', (name) => admission.createClass('a', { ...named, name }, { ...CLASS, ...spec })],
    ['volume', (name) => admission.createVolume('a', { ...named, name }, VOLUME)],
    ['pool', (name) => admission.createPool('a', { ...named, name }, POOL)],
    ['snapshot', (name) => admission.createSnapshot('a', { ...named, name }, 'data')],
    [
      'volume',
      (volume) =>
        admission.restoreSnapshot('a', { ...named, snapshot: 's1', volume, sizeBytes: 0 }),
    ],
    ['node', (node) => admission.enrollNode({ ...ENROLL, node })],
    [
      'user',
      (user) => admission.createUserToken('a', TOKEN, { user, role: 'admin', validForMs: 0 }),
    ],
  ]
  it.each(creations)('of a new %s are DNS labels', (kind, create) => {
    for (const good of ['a', 'a-1', '1a', 'a'.repeat(63)]) expect(() => create(good)).not.toThrow()
    refused(() => create(''), `${kind} name is empty`)
    refused(() => create('a'.repeat(64)), 'has 64 characters, at most 63')
    for (const bad of ['A', '-a', 'a-', 'a.b', 'a/b', 'a b', 'ä', 'a\n'])
      refused(() => create(bad), `${kind} name "${bad}" is not a DNS label`)
  })
})

const VOLUME: VolumeSpec = {
  sizeBytes: 2 ** 30,
  storageClass: '',
  pool: '',
  replicas: 0,
  nodes: [],
  sourceSnapshot: '',
}
const POOL: StoragePoolSpec = {
  node: 'n1',
  kind: 'FILE_THIN',
  path: '/srv/pool',
  overcommitPercent: 0,
}
const CLASS: StorageClassSpec = {
  replicas: 0,
  pool: '',
  poolKinds: [],
  poolSelector: '',
  failureDomain: '',
  failureDomainMode: 'PreferDifferent',
}
const ENROLL = {
  node: 'n1',
  labels: {},
  joinTokenId: 't1',
  joinSecretSha256: 'hash',
  machineKeySha256: 'hash',
}
const TOKEN = { id: 't1', text: 'secret text', secretHash: 'hash' }

describe('sizes', () => {
  const create = (sizeBytes: number) =>
    admission.createVolume('a', named, { ...VOLUME, sizeBytes }).spec.sizeBytes
  const sizes: [asked: number, given: number][] = [
    [2 ** 20, 2 ** 20],
    [2 ** 20 + 1, 2 ** 20 + 4096],
    [10 ** 9, 1_000_001_536],
    [2 ** 50, 2 ** 50],
  ]
  it.each(sizes)('%d becomes %d, a multiple of 4096', (asked, given) => {
    expect(create(asked)).toBe(given)
  })

  const bad: [sizeBytes: number, message: string][] = [
    [0, 'size 0 is not positive'],
    [-1, 'size -1 is not positive'],
    [4096, 'size 4096 bytes is below the smallest volume, 1 MiB'],
    [2 ** 50 + 1, 'is above the largest volume, 1 PiB'],
  ]
  it.each(bad)('%d is refused', (sizeBytes, message) => {
    refused(() => create(sizeBytes), message)
    refused(() => admission.resizeVolume('a', { name: 'data', sizeBytes, dryRun: false }), message)
  })

  it('of a restore may be left to the snapshot', () => {
    const request = { ...named, snapshot: 's1', volume: 'copy' }
    expect(admission.restoreSnapshot('a', { ...request, sizeBytes: 0 }).sizeBytes).toBe(0)
    refused(
      () => admission.restoreSnapshot('a', { ...request, sizeBytes: 1 }),
      'below the smallest',
    )
  })
})

describe('a volume', () => {
  it('has hosts in order and once, and leaves replicas to the class', () => {
    const nodes = ['b', 'a', 'b']
    const { spec } = admission.createVolume('a', named, { ...VOLUME, nodes })
    expect([spec.nodes, spec.replicas]).toEqual([['a', 'b'], 0])
  })

  it('has at most 8 replicas', () => {
    const create = (replicas: number) =>
      admission.createVolume('a', named, { ...VOLUME, replicas }).spec.replicas
    expect(create(8)).toBe(8)
    refused(() => create(9), '9 replicas asked for, at most 8 are possible')
  })

  it('does not say which snapshot it is made of', () => {
    const spec = { ...VOLUME, sourceSnapshot: 's1' }
    refused(() => admission.createVolume('a', named, spec), 'source_snapshot is set by')
  })

  it('has labels as Kubernetes has them', () => {
    const labels = { 'bad key': 'x' }
    refused(() => admission.createVolume('a', { ...named, labels }, VOLUME), 'label key "bad key"')
  })
})

describe('a class', () => {
  it('has one replica, spread over racks, unless it says otherwise', () => {
    const { spec } = admission.createClass('a', named, CLASS)
    expect(spec).toMatchObject({ replicas: 1, failureDomain: RACK_LABEL })
  })

  const bad: [name: string, spec: Partial<StorageClassSpec>, message: string][] = [
    ['too many replicas', { replicas: 9 }, 'at most 8 are possible'],
    ['a selector that cannot be read', { poolSelector: 'a b c' }, 'not a label selector term'],
    ['a failure domain that is no label', { failureDomain: 'no good' }, 'label key "no good"'],
    ['a pool that is no name', { pool: 'No' }, 'pool name "No" is not a DNS label'],
  ]
  it.each(bad)('with %s is refused', (_name, spec, message) => {
    refused(() => admission.createClass('a', named, { ...CLASS, ...spec }), message)
  })
})

describe('pool paths', () => {
  const path = (text: string) => admission.createPool('a', named, { ...POOL, path: text }).spec.path
  const paths: [given: string, clean: string][] = [
    ['/srv/pool', '/srv/pool'],
    ['/srv/pool/', '/srv/pool'],
    ['//srv///pool//', '/srv/pool'],
    ['/srv/./pool/../other', '/srv/other'],
  ]
  it.each(paths)('%s is %s', (given, clean) => {
    expect(path(given)).toBe(clean)
  })

  const bad: [path: string, message: string][] = [
    ['', 'pool path "" is not absolute'],
    ['srv/pool', 'pool path "srv/pool" is not absolute'],
    ['/', 'the root directory cannot be a pool'],
    ['/srv/..', 'the root directory cannot be a pool'],
  ]
  it.each(bad)('"%s" is refused', (given, message) => {
    refused(() => path(given), message)
  })

  it('are of file pools; the other kinds are still to come', () => {
    for (const kind of ['LVM', 'LVM_THIN', 'ZFS', 'ZFS_THIN'] as const)
      refused(
        () => admission.createPool('a', named, { ...POOL, kind }),
        `pools of kind ${kind} are not served yet`,
        'UNIMPLEMENTED',
      )
  })
})

describe('overcommit', () => {
  const overcommit = (kind: 'FILE' | 'FILE_THIN', overcommitPercent: number) =>
    admission.createPool('a', named, { ...POOL, kind, overcommitPercent }).spec.overcommitPercent
  const cases: [kind: 'FILE' | 'FILE_THIN', asked: number, given: number | string][] = [
    ['FILE', 0, 100],
    ['FILE', 100, 100],
    ['FILE', 101, 'a FILE pool cannot be overcommitted'],
    ['FILE', 99, 'a FILE pool cannot be overcommitted'],
    ['FILE_THIN', 0, 200],
    ['FILE_THIN', 100, 100],
    ['FILE_THIN', 10_000, 10_000],
    ['FILE_THIN', 99, 'overcommit 99 % is outside 100 to 10000 %'],
    ['FILE_THIN', 10_001, 'overcommit 10001 % is outside'],
  ]
  it.each(cases)('of %s: %d gives %s', (kind, asked, given) => {
    if (typeof given === 'number') expect(overcommit(kind, asked)).toBe(given)
    else refused(() => overcommit(kind, asked), given)
  })
})

describe('tokens', () => {
  it('for joining expire, and have a number of uses and a host only if asked for', () => {
    const request = { validForMs: 500, uses: 0, node: '' }
    const any = admission.createJoinToken('a', TOKEN, request)
    expect(any).toMatchObject({ id: 't1', secretSha256: 'hash', expiresAt: 1_500, node: '' })
    expect('uses' in any).toBe(false)
    const one = admission.createJoinToken('a', TOKEN, { ...request, uses: 1, node: 'n1' })
    expect(one).toMatchObject({ uses: 1, node: 'n1' })
    refused(() => admission.createJoinToken('a', TOKEN, { ...request, node: 'N1' }), 'DNS label')
  })

  it('of users expire only if asked for', () => {
    const request = { user: 'ada', role: 'viewer', validForMs: 0 } as const
    expect('expiresAt' in admission.createUserToken('a', TOKEN, request)).toBe(false)
    const short = admission.createUserToken('a', TOKEN, { ...request, validForMs: 500 })
    expect(short).toMatchObject({ user: 'ada', role: 'viewer', expiresAt: 1_500 })
  })

  it('never carry their secret into a command', () => {
    const request = { user: 'ada', role: 'admin', validForMs: 0 } as const
    expect(JSON.stringify(admission.createUserToken('a', TOKEN, request))).not.toContain(TOKEN.text)
  })
})
