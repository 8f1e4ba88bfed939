import type * as pb from '../gen/keelson/v1/hardware.ts'
import type {
  ClockReading,
  FreeHugePages,
  Gap,
  HardwareReadings,
  LinkReading,
  LoadReading,
  MemoryReading,
  NumaReading,
} from '../model/index.ts'
import { bool, int64, list, number, optional, optionalTime, record, text, time } from './record.ts'

const maybeNumber = optional(number)
const maybeInt64 = optional(int64)
const maybeBool = optional(bool)

/** Gap. */
export const gapCodec = record<pb.Gap, Gap>({ path: text, reason: text })

/** HardwareReadings. */
export const hardwareReadingsCodec = record<pb.HardwareReadings, HardwareReadings>({
  node: text,
  collectedAt: time,
  memory: optional(
    record<pb.MemoryReading, MemoryReading>({
      totalBytes: maybeInt64,
      freeBytes: maybeInt64,
      availableBytes: maybeInt64,
      swapTotalBytes: maybeInt64,
      swapFreeBytes: maybeInt64,
    }),
  ),
  load: optional(
    record<pb.LoadReading, LoadReading>({
      oneMinute: number,
      fiveMinutes: number,
      fifteenMinutes: number,
    }),
  ),
  uptimeSeconds: maybeNumber,
  clock: optional(
    record<pb.ClockReading, ClockReading>({
      synchronized: maybeBool,
      offsetUs: maybeNumber,
      lastSyncAt: optionalTime,
    }),
  ),
  numa: list(
    record<pb.NumaReading, NumaReading>({
      id: number,
      freeBytes: maybeInt64,
      hugePages: list(record<pb.FreeHugePages, FreeHugePages>({ pageBytes: int64, free: int64 })),
    }),
  ),
  links: list(record<pb.LinkReading, LinkReading>({ name: text, carrierChanges: int64 })),
  gaps: list(gapCodec),
})
