import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SessionRequest, SessionResponse } from '../gen/keelson/agent/v1/agent.ts'
import * as pbCluster from '../gen/keelson/v1/cluster.ts'
import { Event } from '../gen/keelson/v1/event.ts'
import { Node } from '../gen/keelson/v1/node.ts'
import { Operation } from '../gen/keelson/v1/operation.ts'
import { PlacementRules, VirtualMachineDemand } from '../gen/keelson/v1/placement_demand.ts'
import { PlacementReport } from '../gen/keelson/v1/placement_report.ts'
import { Snapshot } from '../gen/keelson/v1/snapshot.ts'
import { StorageClass } from '../gen/keelson/v1/storage_class.ts'
import { StoragePool } from '../gen/keelson/v1/storage_pool.ts'
import { VirtualMachine, VirtualMachineSpec } from '../gen/keelson/v1/virtual_machine.ts'
import { Volume } from '../gen/keelson/v1/volume.ts'
import { NO_RULES } from '../model/index.ts'
import {
  anyAgentMessage,
  anyClass,
  anyClusterStatus,
  anyCoordinatorMessage,
  anyEvent,
  anyJoinToken,
  anyNode,
  anyOperation,
  anyPlacementReport,
  anyPool,
  anySnapshot,
  anyUserToken,
  anyViolation,
  anyVolume,
} from './fixture.ts'
import { anyVirtualMachine, anyVirtualMachineDemand } from './fixture-demand.ts'
import {
  agentMessageCodec,
  type Codec,
  classCodec,
  clusterStatusCodec,
  coordinatorMessageCodec,
  eventCodec,
  failureDomainModeCodec,
  int64,
  joinTokenCodec,
  nodeCodec,
  objectMetaCodec,
  operationCodec,
  optionalOneOf,
  placementReportCodec,
  placementRulesCodec,
  poolCodec,
  poolKindCodec,
  required,
  roleCodec,
  snapshotCodec,
  time,
  userTokenCodec,
  violationCodec,
  virtualMachineCodec,
  virtualMachineDemandCodec,
  virtualMachineSpecCodec,
  volumeCodec,
  watchTypeCodec,
} from './index.ts'

/** A message type as ts-proto makes it. */
interface Message<P> {
  encode(value: P): { finish(): Uint8Array }
  decode(bytes: Uint8Array): P
}

interface Case {
  readonly name: string
  check(runs: number): void
}

/** Writing a value, sending it and reading it back gives the same value, absent keys and all. */
function roundTrip<P, D>(
  name: string,
  codec: Codec<P, D>,
  message: Message<P>,
  values: fc.Arbitrary<D>,
): Case {
  return {
    name,
    check(numRuns) {
      fc.assert(
        fc.property(values, (value) => {
          const bytes = message.encode(codec.write(value)).finish()
          expect(codec.read(message.decode(bytes), 'message')).toStrictEqual(value)
        }),
        { numRuns },
      )
    },
  }
}

const CASES: readonly Case[] = [
  roundTrip('Node', nodeCodec, Node, anyNode),
  roundTrip('StoragePool', poolCodec, StoragePool, anyPool),
  roundTrip('StorageClass', classCodec, StorageClass, anyClass),
  roundTrip('Volume', volumeCodec, Volume, anyVolume),
  roundTrip('VirtualMachine', virtualMachineCodec, VirtualMachine, anyVirtualMachine),
  roundTrip(
    'VirtualMachineDemand',
    virtualMachineDemandCodec,
    VirtualMachineDemand,
    anyVirtualMachineDemand,
  ),
  roundTrip('Snapshot', snapshotCodec, Snapshot, anySnapshot),
  roundTrip('Operation', operationCodec, Operation, anyOperation),
  roundTrip('Event', eventCodec, Event, anyEvent),
  roundTrip('Violation', violationCodec, pbCluster.Violation, anyViolation),
  roundTrip('JoinToken', joinTokenCodec, pbCluster.JoinToken, anyJoinToken),
  roundTrip('UserToken', userTokenCodec, pbCluster.UserToken, anyUserToken),
  roundTrip('ClusterStatus', clusterStatusCodec, pbCluster.ClusterStatus, anyClusterStatus),
  roundTrip('PlacementReport', placementReportCodec, PlacementReport, anyPlacementReport),
  roundTrip('SessionRequest', agentMessageCodec, SessionRequest, anyAgentMessage),
  roundTrip('SessionResponse', coordinatorMessageCodec, SessionResponse, anyCoordinatorMessage),
]

describe('round trips', () => {
  it.each(CASES)('$name', ({ check }) => check(60))

  it('a list that was written is the receiver’s own', () => {
    const capabilities = ['file']
    const [node] = fc.sample(anyNode, { numRuns: 1, seed: 1 })
    const value = { ...node!, status: { ...node!.status, capabilities } }
    const written = nodeCodec.write(value)
    written.status?.capabilities.push('more')
    expect(capabilities).toEqual(['file'])
  })
})

describe('reading is strict', () => {
  const meta = () => objectMetaCodec.write(fc.sample(anyNode, { numRuns: 1, seed: 1 })[0]!.meta)
  const refused: [name: string, read: () => unknown, message: string][] = [
    [
      'a number that a double cannot hold',
      () => int64.read(2n ** 53n, 'spec.sizeBytes'),
      'spec.sizeBytes: 9007199254740992 does not fit 53 bits',
    ],
    ['one that is as far below zero', () => int64.read(-(2n ** 53n), 'x'), 'does not fit 53 bits'],
    [
      'a number deep in a message, with its path',
      () => objectMetaCodec.read({ ...meta(), generation: 2n ** 60n }, 'volume.meta'),
      'volume.meta.generation: 1152921504606846976 does not fit',
    ],
    ['an enum that is not set', () => roleCodec.read(0, 'role'), 'role: is missing'],
    [
      'an enum of a newer version',
      () => poolKindCodec.read(99 as never, 'spec.kind'),
      'spec.kind: unknown value 99, this side is older',
    ],
    ['the number for "unrecognized"', () => roleCodec.read(-1, 'role'), 'unknown value -1'],
    [
      'a newer word where none is allowed to be absent',
      () => optionalOneOf({ 1: 'a' }).read(9, 'x'),
      'x: unknown value 9',
    ],
    [
      'a message that is missing',
      () => required(objectMetaCodec).read(undefined, 'node.meta'),
      'node.meta: is missing',
    ],
    ['a time that is missing', () => time.read(undefined, 'createdAt'), 'createdAt: timestamp is'],
    [
      'an affinity without a target',
      () =>
        placementRulesCodec.read(
          PlacementRules.fromPartial({ affinities: [{ relation: 1 }] }),
          'spec.rules',
        ),
      'spec.rules.affinities[0].target: is missing',
    ],
    [
      'a group without a relation',
      () =>
        placementRulesCodec.read(PlacementRules.fromPartial({ groups: [{ name: 'a' }] }), 'rules'),
      'rules.groups[0].relation: is missing',
    ],
    [
      'a taint effect that Kubernetes does not have',
      () =>
        placementRulesCodec.read(
          PlacementRules.fromPartial({ tolerations: [{ effect: 'Never' }] }),
          'rules',
        ),
      'rules.tolerations[0].effect: "Never" is none of NoSchedule, PreferNoSchedule, NoExecute',
    ],
    [
      'a disk without a source',
      () =>
        virtualMachineSpecCodec.read(
          VirtualMachineSpec.fromPartial({ compute: {}, disks: [{ name: 'root' }] }),
          'spec',
        ),
      'spec.disks[0].source: is missing',
    ],
    [
      'a message of an agent that is newer',
      () => agentMessageCodec.read({ message: undefined }, 'message'),
      'message: unknown message from a newer agent',
    ],
    [
      'a message of a coordinator that is newer',
      () => coordinatorMessageCodec.read({ message: undefined }, 'message'),
      'message: unknown message, newer coordinator',
    ],
  ]
  it.each(refused)('about %s', (_name, read, message) => {
    expect(read).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(read).toThrow(message)
  })

  it('and takes the largest number exactly', () => {
    expect(int64.read(BigInt(Number.MAX_SAFE_INTEGER), 'x')).toBe(Number.MAX_SAFE_INTEGER)
    expect(int64.write(Number.MAX_SAFE_INTEGER)).toBe(9007199254740991n)
  })
})

describe('defaults and words', () => {
  it('an unset failure-domain mode prefers different ones', () => {
    expect(failureDomainModeCodec.read(0, 'mode')).toBe('PreferDifferent')
    expect(failureDomainModeCodec.read(3, 'mode')).toBe('Same')
  })

  it('of a machine and its rules are those of the contract', () => {
    const spec = virtualMachineSpecCodec.read(
      VirtualMachineSpec.fromPartial({
        compute: { devices: [{ resource: 'a.example/b' }] },
        disks: [{ name: 'root', source: { $case: 'volume', value: 'data' } }],
        rules: {
          affinities: [{ target: 3, relation: 2, names: ['a'] }],
          groups: [{ name: 'web', relation: 2 }],
          tolerations: [{}],
        },
      }),
      'spec',
    )
    expect(spec).toMatchObject({ runPolicy: 'Always', volumeLocality: 'Preferred' })
    expect(spec.evictionPolicy).toBe('Migrate')
    expect(spec.compute).toMatchObject({ cpuPolicy: 'Shared', numaPolicy: 'Any' })
    expect(spec.compute).toMatchObject({ cpuModel: 'host-model', architecture: 'amd64' })
    expect(spec.compute.devices).toEqual([{ resource: 'a.example/b', pciId: '', count: 1 }])
    expect(spec.disks[0]).toMatchObject({ bus: 'Virtio' })
    expect(spec.rules.affinities[0]).toMatchObject({ strength: 'Required', weight: 1 })
    expect(spec.rules.groups[0]).toMatchObject({ strength: 'Required', maximumPerDomain: 1 })
    expect(spec.rules.tolerations).toStrictEqual([{ key: '' }])
    const bare = virtualMachineSpecCodec.read(VirtualMachineSpec.fromPartial({ compute: {} }), 's')
    expect(bare.rules).toEqual(NO_RULES)
  })

  it('every kind of watch step has a number of its own', () => {
    const words = ['Added', 'Modified', 'Deleted', 'Bookmark'] as const
    const numbers = words.map((word) => watchTypeCodec.write(word))
    expect(new Set(numbers).size).toBe(words.length)
    expect(numbers.map((number) => watchTypeCodec.read(number, 'type'))).toEqual(words)
  })
})
