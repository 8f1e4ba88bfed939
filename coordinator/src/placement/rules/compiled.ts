/** A demand compiled against a view: its rules, and what they leave. */
import type { ReplicaRule, ScorePart } from '@keelson/shared/model'
import type { MachineRequest, VolumeRequest } from '../fleet/index.ts'
import type { EffectivePolicy } from '../policy/index.ts'
import { judgeRows, type Mask, type MaskCache, type Rule } from '../view/index.ts'
import type { Preference } from './host-rules.ts'
import type { PlacedThing } from './neighbours.ts'

/** What a demand is compiled beside. */
export interface CompileOptions {
  /** Things that are not in the state yet. */
  readonly others?: readonly PlacedThing[]
  /** Its replicas join others, so their hosts have to replicate even if it is only one. */
  readonly replicated?: boolean | undefined
}

/** What is common to compiled volumes and machines. */
export interface Compiled {
  /** Such as "volume/data". */
  readonly subject: string
  readonly policy: EffectivePolicy
  /** Rules in the order they are checked, by row of what is chosen: pools or hosts. */
  readonly rules: readonly Rule[]
  readonly mask: Mask
  /** What makes it impossible whatever the cluster has, in sentences. */
  readonly contradictions: readonly string[]
  /** What was let pass, in sentences. */
  readonly warnings: readonly string[]
  /** How well preferred rules are kept by each host; value 1 keeps all. Undefined without any. */
  readonly preferences: Preferences | undefined
}

/** A volume against a view; rows are pools. */
export interface CompiledVolume extends Compiled {
  readonly request: VolumeRequest
  readonly replicas: number
  /** What enforced guarantees ask of its replicas; among the spread of the request already. */
  readonly guaranteed: readonly ReplicaRule[]
  /** Breaks ties between equals. */
  readonly seed: number
}

/** A machine against a view; rows are hosts. */
export interface CompiledMachine extends Compiled {
  readonly request: MachineRequest
  readonly volumes: readonly CompiledVolume[]
  /** Existing volumes it uses, in the order of `request.attached`. */
  readonly attached: readonly string[]
}

/** Preferred rules as numbers. */
export interface Preferences {
  /** Sum of the weights of the rules each host keeps. */
  readonly byHost: Float64Array
  /** Sum of all weights. */
  readonly total: number
}

/** Adds up preferred rules. */
export function weighPreferences(
  preferences: readonly Preference[],
  hostCount: number,
): Preferences | undefined {
  if (preferences.length === 0) return undefined
  const byHost = new Float64Array(hostCount)
  let total = 0
  for (const { keeps, weight } of preferences) {
    total += weight
    for (let host = 0; host < hostCount; host++) if (keeps(host)) byHost[host]! += weight
  }
  return { byHost, total }
}

/** Score part of preferred rules for a host. */
export function preferencePart(
  preferences: Preferences | undefined,
  weight: number,
  host: number,
): ScorePart[] {
  if (!preferences || preferences.total === 0) return []
  const { byHost, total } = preferences
  return [{ name: 'preference', value: byHost[host]! / total, weight: weight * total }]
}

/** The mask of standing rules from the cache, with the rules that depend on neighbours on top. */
export function maskOf(
  cache: MaskCache,
  key: string,
  standing: readonly Rule[],
  moving: readonly Rule[],
  rowCount: number,
): Mask {
  const base = cache.get(key, standing)
  if (moving.length === 0) return base
  const own = judgeRows(moving, rowCount)
  for (let row = 0; row < rowCount; row++) {
    if (base.open[row] === 0) own.failed[row] = base.failed[row]!
    else if (own.open[row] === 0) own.failed[row]! += standing.length
    own.open[row] = own.failed[row] === 0 ? 1 : 0
  }
  return own
}

/** 32 bits of a UUID, or of any other text that differs from subject to subject. */
export function seedOf(uid: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < uid.length; i++) hash = Math.imul(hash ^ uid.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}
