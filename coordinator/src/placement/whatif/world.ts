/** What a play needs to know of the cluster beside its numbers. */
import type { Flavor, Guarantee, PlacementPolicy, PlacementReport } from '@keelson/shared/model'
import type { Choice, Fleet, MachineRequest, VolumeRequest } from '../fleet/index.ts'
import type { PlacedRules } from '../guarantee/index.ts'

/** One thing of a flavor, ready to be placed. */
export type Wanted = {
  /** Whether its own rules let it be anywhere at all. */
  readonly possible: boolean
  /** What the rules and the numbers say of a fleet with rows as the world's. */
  report(fleet: Fleet, choice: Choice | null): PlacementReport
} & (
  | { readonly type: 'Machine'; readonly request: MachineRequest }
  | { readonly type: 'Volume'; readonly request: VolumeRequest; readonly seed: number }
)

/** What changes the cluster in more than numbers. */
export type WorldChange =
  | {
      readonly type: 'AddNodes'
      /** Names that no host has. */
      readonly names: readonly string[]
      readonly profile: string
      readonly labels: Readonly<Record<string, string>>
    }
  | { readonly type: 'ReturnNode'; readonly node: string }
  | { readonly type: 'SetPolicy'; readonly policy: PlacementPolicy }

/** A cluster at one time. Nothing in it ever changes; a change makes another world. */
export interface World {
  /** As everything is placed; hosts that are not there still have their capacity. */
  readonly fleet: Fleet
  readonly rules: PlacedRules
  readonly guarantees: readonly Guarantee[]
  /** One thing of a flavor under this name; raises what is wrong with it. */
  compile(flavor: Flavor, name: string): Wanted
  /** The world after a change; raises INVALID_ARGUMENT and NOT_FOUND for what is not known. */
  change(change: WorldChange): World
}
