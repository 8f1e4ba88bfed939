/**
 * What is to be known of things that have a place, besides their numbers. Masks and domains belong
 * to one fleet; a fleet with more hosts needs rules of its own.
 */
import type { DomainRule, Locality, StandbyMode } from '../fleet/index.ts'

/** Where a machine may go when it has to leave its host. */
export interface MachineRules {
  /** 1 for every host row it may run on; undefined allows all. */
  readonly hosts: Uint8Array | undefined
  readonly locality: Locality
  /** Where room is to be kept for it; 'None' if no guarantee covers it. */
  readonly standby: StandbyMode
  /** Who gets room first when not all can have it; higher goes first. */
  readonly priority: number
}

/** Who has a say about a volume. */
export interface VolumeVotes {
  /** Rows of hosts that vote on it without its data. */
  readonly witnesses: readonly number[]
  /** Pool rows of replicas that lack the newest data. */
  readonly stale: readonly number[]
}

/** Where replicas of a volume may be. */
export interface VolumeRoom {
  /** 1 for every pool row it may use; undefined allows all. */
  readonly pools: Uint8Array | undefined
  readonly spread: readonly DomainRule[]
}

/** The rules of everything that has a place, by name. */
export interface PlacedRules {
  /** 1 for every host row that is not there at present; undefined if all are. */
  readonly gone: Uint8Array | undefined
  machine(name: string): MachineRules
  votes(name: string): VolumeVotes
  /** Dearer to ask for than the votes. */
  room(name: string): VolumeRoom
  /** Names of volumes among which are all that a host votes on without their data. */
  votesOn(host: number): Iterable<string>
}

/** Whether a mask lets a row pass. */
export function allows(mask: Uint8Array | undefined, row: number): boolean {
  return mask === undefined || mask[row] === 1
}
