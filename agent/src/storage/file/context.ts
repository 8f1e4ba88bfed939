/** What every part of the file driver works with. */
import type { CommandRunner } from '@keelson/shared/exec'
import type { Clock } from '@keelson/shared/runtime'

/** What a pool's file system can do, found out by trying. */
export interface PoolCapabilities {
  readonly supportsReflink: boolean
  readonly supportsDirectIo: boolean
}

/** Dependencies and settings shared by the parts of one driver. */
export interface FileContext {
  readonly runner: CommandRunner
  readonly clock: Clock
  readonly deviceDirectory: string
  readonly stateDirectory: string
  readonly trashHoldMs: number
  /** Announces that a step was done and is on the disk; tests kill the process in here. */
  readonly step: (name: string) => void
  /** Unfinished files that a call of this process is working on. */
  readonly busy: Set<string>
  /** What is being or was found out about each pool directory, by real path. */
  readonly capabilities: Map<string, Promise<PoolCapabilities>>
}
