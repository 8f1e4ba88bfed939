/** Limits that both ends of a connection share. */
import type { ChannelOptions } from '@grpc/grpc-js'

/** Largest message either side takes, unless told otherwise. */
export const MESSAGE_LIMIT_BYTES = 4 * 1024 * 1024

/** When a silent peer is pinged, and how much later it is given up. */
export interface Keepalive {
  readonly idleMs: number
  readonly timeoutMs: number
}

/** A host that vanished without a word is noticed after eight seconds. */
export const KEEPALIVE: Keepalive = { idleMs: 5_000, timeoutMs: 3_000 }

/** Calls that one connection may have under way. */
const CALLS_PER_CONNECTION = 1_000

/** What an end of a connection may set differently. */
export interface LimitOptions {
  /** Larger messages fail with RESOURCE_EXHAUSTED; 4 MiB unless told. */
  readonly maxMessageBytes?: number
  /** `KEEPALIVE` unless told. */
  readonly keepalive?: Keepalive
}

/** The limits in the transport's own terms. */
export function transportLimits(options: LimitOptions): ChannelOptions {
  const maxMessageBytes = options.maxMessageBytes ?? MESSAGE_LIMIT_BYTES
  const keepalive = options.keepalive ?? KEEPALIVE
  return {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.max_concurrent_streams': CALLS_PER_CONNECTION,
    'grpc.keepalive_time_ms': keepalive.idleMs,
    'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
  }
}
