/**
 * From a request to a command: check what can be checked without the state, fill in defaults, and
 * stamp time, identity and fresh ids. This is the only room of the coordinator that asks the clock
 * or rolls dice for a decision.
 */
import { isAbsolute, normalize } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import type {
  Role,
  StorageClassSpec,
  StoragePoolSpec,
  VirtualMachineSpec,
  VolumeSpec,
} from '@keelson/shared/model'
import {
  checkLabelKey,
  checkLabels,
  checkName,
  isFile,
  isThin,
  parseSelector,
  RACK_LABEL,
} from '@keelson/shared/model'
import type { IssuedToken } from '@keelson/shared/pki'
import type { Clock, Rng } from '@keelson/shared/runtime'
import type { Command, CommandOf, Stamp } from '../decide/index.ts'
import { admitMachineSpec } from './machine.ts'
import { admitVolumeSpec, checkReplicas, checkSize } from './volume.ts'

/** Labels of a request. */
type Labels = Readonly<Record<string, string>>

/** What every resource request says about itself. */
export interface Named {
  readonly name: string
  readonly labels: Labels
  readonly dryRun: boolean
}

const DEFAULT_OVERCOMMIT_PERCENT = 200
const MAXIMUM_OVERCOMMIT_PERCENT = 10_000

/** What says whose a resource is. */
export interface Owned {
  /** Absent or empty for the operator. */
  readonly tenant?: string
}

/** Makes commands of requests. */
export type Admission = ReturnType<typeof createAdmission>

/** Admission with the process's clock and randomness. */
export function createAdmission({ clock, rng }: { readonly clock: Clock; readonly rng: Rng }) {
  const stamp = (actor: string): Stamp => ({ now: clock.now(), actor, uid: rng.uuid() })

  return {
    stamp,

    createPool(actor: string, named: Named, spec: StoragePoolSpec): CommandOf<'CreatePool'> {
      checkName('pool', named.name)
      return {
        type: 'CreatePool',
        stamp: stamp(actor),
        ...admitted(named),
        spec: { ...spec, path: poolPath(spec), overcommitPercent: overcommit(spec) },
      }
    },

    createClass(actor: string, named: Named, spec: StorageClassSpec): CommandOf<'CreateClass'> {
      checkName('class', named.name)
      parseSelector(spec.poolSelector)
      return {
        type: 'CreateClass',
        stamp: stamp(actor),
        ...admitted(named),
        spec: {
          ...spec,
          replicas: checkReplicas(spec.replicas || 1),
          pool: spec.pool === '' ? '' : checkName('pool', spec.pool),
          failureDomain: checkLabelKey(spec.failureDomain || RACK_LABEL),
        },
      }
    },

    createVolume(actor: string, named: Named & Owned, spec: VolumeSpec): CommandOf<'CreateVolume'> {
      checkName('volume', named.name)
      return {
        type: 'CreateVolume',
        stamp: stamp(actor),
        ...admitted(named),
        ...owned(named),
        spec: admitVolumeSpec(spec),
      }
    },

    createVirtualMachine(
      actor: string,
      named: Named & Owned,
      spec: VirtualMachineSpec,
    ): CommandOf<'CreateVirtualMachine'> {
      checkName('machine', named.name)
      const wanted = admitMachineSpec(named.name, spec)
      const made = wanted.disks.filter(({ source }) => source.type === 'NewVolume')
      return {
        type: 'CreateVirtualMachine',
        stamp: stamp(actor),
        ...admitted(named),
        ...owned(named),
        spec: wanted,
        volumeUids: made.map(() => rng.uuid()),
      }
    },

    updateVirtualMachine(
      actor: string,
      request: Omit<CommandOf<'UpdateVirtualMachine'>, 'type' | 'stamp'>,
    ): CommandOf<'UpdateVirtualMachine'> {
      const { expectedResourceVersion, name, runPolicy, spec } = request
      if (spec && runPolicy)
        throw new KeelsonError('INVALID_ARGUMENT', 'run_policy: spec has one of its own')
      if (spec && expectedResourceVersion === 0)
        throw new KeelsonError(
          'INVALID_ARGUMENT',
          'expected_resource_version: a whole spec replaces the one that was read; tell which',
        )
      return {
        type: 'UpdateVirtualMachine',
        stamp: stamp(actor),
        ...request,
        ...(spec && { spec: admitMachineSpec(name, spec) }),
      }
    },

    resizeVolume(
      actor: string,
      request: { readonly name: string; readonly sizeBytes: number; readonly dryRun: boolean },
    ): CommandOf<'ResizeVolume'> {
      return {
        type: 'ResizeVolume',
        stamp: stamp(actor),
        name: request.name,
        sizeBytes: checkSize(request.sizeBytes),
        dryRun: request.dryRun,
      }
    },

    createSnapshot(actor: string, named: Named, volume: string): CommandOf<'CreateSnapshot'> {
      checkName('snapshot', named.name)
      return { type: 'CreateSnapshot', stamp: stamp(actor), ...admitted(named), volume }
    },

    restoreSnapshot(
      actor: string,
      request: {
        readonly snapshot: string
        readonly volume: string
        readonly sizeBytes: number
        readonly labels: Labels
        readonly dryRun: boolean
      },
    ): CommandOf<'RestoreSnapshot'> {
      checkName('volume', request.volume)
      checkLabels(request.labels)
      const sizeBytes = request.sizeBytes === 0 ? 0 : checkSize(request.sizeBytes)
      return { type: 'RestoreSnapshot', stamp: stamp(actor), ...request, sizeBytes }
    },

    enrollNode(request: {
      readonly node: string
      readonly labels: Labels
      readonly joinTokenId: string
      readonly joinSecretSha256: string
      readonly machineKeySha256: string
    }): CommandOf<'EnrollNode'> {
      checkName('node', request.node)
      checkLabels(request.labels)
      return { type: 'EnrollNode', stamp: stamp(`node/${request.node}`), ...request }
    },

    createJoinToken(
      actor: string,
      token: IssuedToken,
      request: { readonly validForMs: number; readonly uses: number; readonly node: string },
    ): CommandOf<'CreateJoinToken'> {
      if (request.node !== '') checkName('node', request.node)
      const at = stamp(actor)
      return {
        type: 'CreateJoinToken',
        stamp: at,
        id: token.id,
        secretSha256: token.secretHash,
        expiresAt: at.now + request.validForMs,
        node: request.node,
        ...(request.uses > 0 && { uses: request.uses }),
      }
    },

    createUserToken(
      actor: string,
      token: IssuedToken,
      request: { readonly user: string; readonly role: Role; readonly validForMs: number },
    ): CommandOf<'CreateUserToken'> {
      checkName('user', request.user)
      const at = stamp(actor)
      return {
        type: 'CreateUserToken',
        stamp: at,
        id: token.id,
        secretSha256: token.secretHash,
        user: request.user,
        role: request.role,
        ...(request.validForMs > 0 && { expiresAt: at.now + request.validForMs }),
      }
    },

    /** A command whose fields need no checking. */
    plain<T extends Command['type']>(
      type: T,
      actor: string,
      fields: Omit<CommandOf<T>, 'type' | 'stamp'>,
    ): CommandOf<T> {
      return { type, stamp: stamp(actor), ...fields } as unknown as CommandOf<T>
    },
  }
}

/** Tenants are no records yet: a name is all there is to check. */
function owned({ tenant = '' }: Owned): Owned {
  return tenant === '' ? {} : { tenant: checkName('tenant', tenant) }
}

function admitted({ name, labels, dryRun }: Named): Named {
  return { name, labels: checkLabels(labels), dryRun }
}

function poolPath({ kind, path }: StoragePoolSpec): string {
  if (!isFile(kind))
    throw new KeelsonError('UNIMPLEMENTED', `pools of kind ${kind} are not served yet`, {
      details: ['FILE and FILE_THIN are'],
    })
  if (!isAbsolute(path))
    throw new KeelsonError('INVALID_ARGUMENT', `pool path "${path}" is not absolute`)
  const clean = normalize(path).replace(/\/+$/, '')
  if (clean === '')
    throw new KeelsonError('INVALID_ARGUMENT', 'the root directory cannot be a pool')
  return clean
}

function overcommit({ kind, overcommitPercent }: StoragePoolSpec): number {
  if (!isThin(kind)) {
    if (overcommitPercent === 0 || overcommitPercent === 100) return 100
    throw new KeelsonError('INVALID_ARGUMENT', `a ${kind} pool cannot be overcommitted`)
  }
  const percent = overcommitPercent || DEFAULT_OVERCOMMIT_PERCENT
  if (percent < 100 || percent > MAXIMUM_OVERCOMMIT_PERCENT)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `overcommit ${percent} % is outside 100 to ${MAXIMUM_OVERCOMMIT_PERCENT} %`,
    )
  return percent
}
