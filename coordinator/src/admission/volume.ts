/** What can be said about a volume's spec without the state. */
import { KeelsonError } from '@keelson/shared/errors'
import type { VolumeSpec } from '@keelson/shared/model'
import { alignUp, formatSize, VOLUME_ALIGNMENT_BYTES } from '@keelson/shared/model'
import { admitReplicaRules, admitRules, bindsNothing } from './rules.ts'

/** Smallest volume: one aligned block would be legal, but no file system fits below this. */
const MINIMUM_VOLUME_BYTES = 1024 * 1024
/** Largest volume: 1 PiB, what DRBD can carry. */
const MAXIMUM_VOLUME_BYTES = 2 ** 50
const MAXIMUM_REPLICAS = 8

/**
 * The spec of a volume to make, aligned and in one of the ways it can be written: equal wishes are
 * equal specs. Raises INVALID_ARGUMENT.
 */
export function admitVolumeSpec(spec: VolumeSpec, path = 'spec'): VolumeSpec {
  if (spec.sourceSnapshot !== '')
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      'source_snapshot is set by RestoreSnapshot, not by CreateVolume',
    )
  const { replicaRules, rules, tieBreakerMode, ...others } = spec
  const admittedRules = rules && admitRules(rules, `${path}.rules`)
  return {
    ...others,
    sizeBytes: checkSize(spec.sizeBytes),
    replicas: spec.replicas === 0 ? 0 : checkReplicas(spec.replicas),
    nodes: [...new Set(spec.nodes)].sort(),
    ...(admittedRules && !bindsNothing(admittedRules) && { rules: admittedRules }),
    ...(replicaRules && {
      replicaRules: admitReplicaRules(replicaRules, `${path}.replica_rules`),
    }),
    ...(tieBreakerMode === 'Never' && { tieBreakerMode }),
  }
}

/** A size within the limits, rounded up to whole blocks; raises INVALID_ARGUMENT. */
export function checkSize(sizeBytes: number): number {
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

/** A number of replicas within the limits; raises INVALID_ARGUMENT. */
export function checkReplicas(replicas: number): number {
  if (replicas <= MAXIMUM_REPLICAS) return replicas
  throw new KeelsonError(
    'INVALID_ARGUMENT',
    `${replicas} replicas asked for, at most ${MAXIMUM_REPLICAS} are possible`,
  )
}
