/** What a driver's tests bring along for the suite, and what the suite's parts share. */
import { KeelsonError } from '@keelson/shared/errors'
import { expect } from 'vitest'
import type { PoolConfig, StorageDriver, VolumeConfig, VolumeState } from '../driver.ts'

/** One pool's surroundings, new for every test. */
export interface StorageHarness {
  /** Not yet prepared. */
  readonly pool: PoolConfig
  /** At least 256 MiB. */
  readonly capacityBytes: number
  readonly trashHoldMs: number
  /** A driver as a restarted agent makes it: it knows nothing but what the disk tells. */
  createDriver(): StorageDriver
  /** Lets the driver's clock go forward. */
  advance(durationMs: number): void
  /** Writes through the volume's device and flushes it. */
  write(volume: VolumeState, offsetBytes: number, data: string): Promise<void>
  /** Reads through the volume's device; what was never written reads as `\0`. */
  read(volume: VolumeState, offsetBytes: number, lengthBytes: number): Promise<string>
  /** Keeps the device in use, as a mount does, until the returned function is called. */
  hold(volume: VolumeState): Promise<() => Promise<void>>
  /** What a host's reboot does to devices. */
  reboot(): Promise<void>
  /** Takes the pool away as an absent mount does; the returned function brings it back. */
  hidePool(): Promise<() => Promise<void>>
  /** Destroys a volume's data behind the driver's back. */
  destroyData(volume: VolumeState): Promise<void>
  /** Puts something into the pool that is not ours and returns how it is listed. */
  addForeign(): Promise<string>
  foreignIsUntouched(): Promise<boolean>
  close(): Promise<void>
}

/** What a test of the suite works with; new for each test. */
export type Current = () => {
  readonly h: StorageHarness
  readonly driver: StorageDriver
  readonly pool: PoolConfig
}

export const MIB = 1024 * 1024
export const DATA: VolumeConfig = { uid: 'volume-a', name: 'data', sizeBytes: 16 * MIB }
export const OTHER: VolumeConfig = { uid: 'volume-b', name: 'other', sizeBytes: 16 * MIB }
export const SNAP = { uid: 'snap-a', name: 'before', volumeUid: DATA.uid } as const
export const TEXT = 'the beam that ties the frame to the keel'

/** Checks the error's code and, where given, its reason and message. */
export async function expectError(
  promise: Promise<unknown>,
  expected: { code: string; reason?: string; message?: unknown },
): Promise<KeelsonError> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(KeelsonError)
  expect(error).toMatchObject(expected)
  return error
}
