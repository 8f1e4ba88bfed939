/** A connection to the cluster with the user's patience built in. */
import { PlacementReport } from '@keelson/shared/api'
import {
  callStream,
  callUnary,
  createChannel,
  type ReportCodec,
  type StreamMethod,
  type UnaryMethod,
} from '@keelson/shared/grpc'
import type { Target } from '../context/index.ts'

/** What verbs call. Both raise what the coordinator answers, and UNAVAILABLE without one. */
export interface Client {
  /** One answer, within the user's `--timeout`. */
  call<Req, Res>(method: UnaryMethod<Req, Res>, request: Req): Promise<Res>
  /** Many answers, for as long as they come or until `signal` aborts. */
  stream<Req, Res>(
    method: StreamMethod<Req, Res>,
    request: Req,
    signal?: AbortSignal,
  ): AsyncIterable<Res>
  close(): void
}

/** How long to wait, and when to stop at once. */
export interface ClientOptions {
  /** For each call. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Makes a client; it connects with its first call. */
export function createClient(target: Target, options: ClientOptions): Client {
  const { timeoutMs, signal } = options
  const channel = createChannel({
    servers: target.servers,
    authorityPem: target.authorityPem,
    ...(target.token === undefined ? {} : { token: target.token }),
    connectTimeoutMs: Math.min(timeoutMs, 5_000),
    reports: placementReportJson,
  })
  return {
    call: (method, request) => callUnary(channel, method, request, { timeoutMs, signal }),
    stream: (method, request, until) =>
      callStream(channel, method, request, {
        signal: until ? AbortSignal.any([signal, until]) : signal,
      }),
    close: () => channel.close(),
  }
}

/** A refusal's report, as the JSON that `-o json` prints; its lines are for people already. */
const placementReportJson: ReportCodec = {
  typeUrl: 'type.googleapis.com/keelson.v1.PlacementReport',
  encode: (report) => PlacementReport.encode(PlacementReport.fromJSON(report)).finish(),
  decode: (bytes) => PlacementReport.toJSON(PlacementReport.decode(bytes)),
}
