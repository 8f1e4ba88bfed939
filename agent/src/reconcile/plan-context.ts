/** What the planners of pools, replicas and snapshots share. */
import type { DesiredState } from '@keelson/shared/model'
import type { PoolConfig } from '../storage/driver.ts'
import type { ItemKey, Step } from './step.ts'
import type { HostView, PoolView } from './view.ts'

/** What the host can do. */
export interface Abilities {
  readonly poolKinds: ReadonlySet<string>
  /** Whether replicas are kept equal with those on other hosts. */
  readonly replication: boolean
}

/** What comes of one item: what to report as long as nothing else is known, and what to do. */
export interface Planned<T> {
  readonly item: ItemKey
  readonly observed: T
  readonly step?: Step
  /** The view cannot tell; what was reported last still stands. */
  readonly uncertain?: true
}

/** What the parts of a plan are made from. */
export interface PlanContext {
  readonly desired: DesiredState
  readonly view: HostView
  readonly abilities: Abilities
  /** The pool of an item as the driver wants it; undefined if no document names it. */
  pool(uid: string): PlanPool | undefined
}

/** The pool of an item. */
export interface PlanPool {
  readonly config: PoolConfig
  readonly view: PoolView | undefined
  /** It is to go: nothing new is made in it. */
  readonly leaving: boolean
}
