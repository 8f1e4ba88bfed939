/**
 * From a request to a command: check what can be checked without the state, fill in defaults, and
 * stamp time, identity and fresh ids. This is the only room of the coordinator that asks the clock
 * or rolls dice for a decision.
 */
import { isAbsolute, normalize } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import type { Role, StorageClassSpec, StoragePoolSpec, VolumeSpec } from '@keelson/shared/model'
import {
  alignUp,
  checkLabelKey,
  checkLabels,
  checkName,
  formatSize,
  isFile,
  isThin,
  parseSelector,
  RACK_LABEL,
  VOLUME_ALIGNMENT_BYTES,
} from '@keelson/shared/model'
import type { IssuedToken } from '@keelson/shared/pki'
import type { Clock, Rng } from '@keelson/shared/runtime'
import type { Command, CommandOf, Stamp } from '../decide/index.ts'

/** Labels of a request. */
type Labels = Readonly<Record<string, string>>

/** What every resource request says about itself. */
export interface Named {
  readonly name: string
  readonly labels: Labels
  readonly dryRun: boolean
}

/** Smallest volume: one aligned block would be legal, but no file system fits below this. */
const MINIMUM_VOLUME_BYTES = 1024 * 1024
/** Largest volume: 1 PiB, what DRBD can carry. */
const MAXIMUM_VOLUME_BYTES = 2 ** 50
const MAXIMUM_REPLICAS = 8
const DEFAULT_OVERCOMMIT_PERCENT = 200
const MAXIMUM_OVERCOMMIT_PERCENT = 10_000

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

    createVolume(actor: string, named: Named, spec: VolumeSpec): CommandOf<'CreateVolume'> {
      checkName('volume', named.name)
      if (spec.sourceSnapshot !== '')
        throw new KeelsonError(
          'INVALID_ARGUMENT',
          'source_snapshot is set by RestoreSnapshot, not by CreateVolume',
        )
      return {
        type: 'CreateVolume',
        stamp: stamp(actor),
        ...admitted(named),
        spec: {
          ...spec,
          sizeBytes: checkSize(spec.sizeBytes),
          replicas: spec.replicas === 0 ? 0 : checkReplicas(spec.replicas),
          nodes: [...new Set(spec.nodes)].sort(),
        },
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

function admitted({ name, labels, dryRun }: Named): Named {
  return { name, labels: checkLabels(labels), dryRun }
}

function checkSize(sizeBytes: number): number {
  if (sizeBytes <= 0)
    throw new KeelsonError('INVALID_ARGUMENT', `size ${sizeBytes} is not positive`)
  if (sizeBytes < MINIMUM_VOLUME_BYTES)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `size ${sizeBytes} bytes is below the smallest volume, ${formatSize(MINIMUM_VOLUME_BYTES)}`,
    )
  if (sizeBytes > MAXIMUM_VOLUME_BYTES)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `size ${formatSize(sizeBytes)} is above the largest volume, ${formatSize(MAXIMUM_VOLUME_BYTES)}`,
    )
  return alignUp(sizeBytes, VOLUME_ALIGNMENT_BYTES)
}

function checkReplicas(replicas: number): number {
  if (replicas <= MAXIMUM_REPLICAS) return replicas
  throw new KeelsonError(
    'INVALID_ARGUMENT',
    `${replicas} replicas asked for, at most ${MAXIMUM_REPLICAS} are possible`,
  )
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
