/** What the measurements ask of a placement engine. */
import type { GanetiCluster, GanetiInstance, Request } from './ganeti.ts'
import type { Step } from './steps.ts'

/** Where a mirrored instance goes, by names of nodes. */
export interface Pair {
  readonly primary: string
  readonly secondary: string
}

/** Decides one by one, for good, without knowing what comes next. */
export interface OnlinePlacer {
  /** Places an instance; null when there is no room. */
  allocate(wanted: Request): Pair | null
}

/** An engine under measurement. Given the same arguments it answers the same. */
export interface PlacementContender {
  readonly name: string
  /** As many identical instances as possible, decided together; what exists does not move. */
  fill(cluster: GanetiCluster, wanted: Request): Pair[]
  /** Places instances one by one on a cluster. */
  place(cluster: GanetiCluster): OnlinePlacer
  /** Places different instances together; null for each that finds no room. */
  batch(cluster: GanetiCluster, wanted: readonly Request[]): (Pair | null)[]
  /** The instances after the node, already marked as offline, lost everything it held. */
  evacuate(cluster: GanetiCluster, node: string): GanetiInstance[]
  /** Steps that even out the cluster, copying at most so much; undefined where it cannot. */
  rebalance?(cluster: GanetiCluster, limits: { readonly budgetGib?: number }): Step[]
}
