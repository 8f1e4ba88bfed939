/**
 * Errors on the wire, there and back. Code and message are gRPC's own; reason, lines and report go
 * into the standard trailer, so that a client in any language finds them where it looks.
 *
 * Only messages of `KeelsonError`s leave the process. What another library said stays in the log,
 * but for the name of a system error (ENOSPC): an operator needs it, and it gives nothing away.
 */
import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { CODES, type Code, KeelsonError, type Reason } from '../errors/index.ts'
import { ErrorDetail, RpcStatus } from '../gen/keelson/v1/error.ts'

const TRAILER = 'grpc-status-details-bin'
const DETAIL_TYPE = 'type.googleapis.com/keelson.v1.ErrorDetail'
/** HTTP/2 peers refuse headers of more than 64 KiB, and base64 takes a third on top. */
const TRAILER_LIMIT_BYTES = 32_768
const MESSAGE_LIMIT_CHARACTERS = 2_000
/** How the transport says that a call never reached a server, and that its connection broke. */
const UNSENT = /No connection established|Stream refused by server/
const BROKEN = /^(Call cancelled|Received RST_STREAM)/
const NAMES = new Map<number, Code>(
  Object.entries(CODES).map(([name, number]) => [number, name as Code]),
)

/** How the one structured report of an error is written; this room does not know what it says. */
export interface ReportCodec {
  /** "type.googleapis.com/…" of the message. */
  readonly typeUrl: string
  encode(report: unknown): Uint8Array
  decode(bytes: Uint8Array): unknown
}

/** An error as a server answers it. */
export function toServiceError(error: KeelsonError, reports?: ReportCodec): ServiceError {
  const message = publicMessage(error).toWellFormed()
  const code = CODES[error.code]
  const metadata = new Metadata()
  metadata.set(TRAILER, encodeStatus(code, message, outermost(error), reports))
  const details = shorten(message, MESSAGE_LIMIT_CHARACTERS)
  return Object.assign(new Error(message), { code, details, metadata })
}

/** An error as a caller receives it; `address` is the server's. */
export function fromServiceError(
  error: ServiceError,
  address: string,
  reports?: ReportCodec,
): KeelsonError {
  const code = NAMES.get(error.code) ?? 'UNKNOWN'
  const detail = decodeStatus(error)
  if (detail === undefined) return localError(code, error, address)
  const report =
    detail.report && detail.report.typeUrl === reports?.typeUrl
      ? reports.decode(detail.report.value)
      : undefined
  return new KeelsonError(code, detail.message, {
    details: detail.lines,
    ...(detail.reason === '' ? {} : { reason: detail.reason as Reason }),
    ...(report === undefined ? {} : { report }),
  })
}

/**
 * Whether the server cannot have begun to act on the call, so that another may be asked: no
 * connection came about, or the server itself answered that it is not the one to ask.
 */
export function isUntouched(error: ServiceError): boolean {
  return (
    error.code === status.UNAVAILABLE &&
    (UNSENT.test(error.details) || decodeStatus(error) !== undefined)
  )
}

/** An error that the server did not send: the connection's, or this side's own. */
function localError(code: Code, error: ServiceError, address: string): KeelsonError {
  const said = error.details || error.message
  const cause = new Error(/Last error: (?:Error: )?(.*?)\. Resolution note/.exec(said)?.[1] ?? said)
  if (code === 'UNAVAILABLE' && /certificate|altnames/i.test(cause.message))
    return new KeelsonError(
      'UNAUTHENTICATED',
      `the server at ${address} cannot prove that it belongs to this cluster`,
      { cause },
    )
  if (isUntouched(error)) return new KeelsonError(code, `cannot reach ${address}`, { cause })
  if (code === 'UNAVAILABLE' || BROKEN.test(said))
    return new KeelsonError(
      'UNAVAILABLE',
      `lost the connection to ${address} before its answer; the call may have had its effect`,
      { cause },
    )
  if (code === 'DEADLINE_EXCEEDED')
    return new KeelsonError(code, `no answer from ${address} in time`, { cause })
  return new KeelsonError(code, said)
}

/** The messages of the error and its causes, as far as they are ours. */
function publicMessage(error: KeelsonError): string {
  const messages: string[] = []
  let at: unknown = error
  for (; at instanceof KeelsonError && messages.length < 16; at = at.cause)
    messages.push(at.message)
  const code = at instanceof Error ? (at as { code?: unknown }).code : undefined
  const system = typeof code === 'string' && /^E[A-Z0-9]{2,}$/.test(code) ? ` (${code})` : ''
  return messages.join(': ') + system
}

/** Reason, details and report: the outermost error that has any of them knows best. */
function outermost(error: KeelsonError): KeelsonError {
  for (let at: unknown = error; at instanceof KeelsonError; at = at.cause)
    if (at.reason !== undefined || at.details.length > 0 || at.report !== undefined) return at
  return error
}

function encodeStatus(
  code: number,
  message: string,
  error: KeelsonError,
  reports: ReportCodec | undefined,
): Buffer {
  const encode = (detail: ErrorDetail, message: string) => {
    const value = Buffer.from(ErrorDetail.encode(detail).finish())
    const details = [{ typeUrl: DETAIL_TYPE, value }]
    return Buffer.from(RpcStatus.encode({ code, message, details }).finish())
  }
  const detail: ErrorDetail = {
    reason: error.reason ?? '',
    lines: error.details.map((line) => line.toWellFormed()),
    report:
      error.report !== undefined && reports
        ? { typeUrl: reports.typeUrl, value: Buffer.from(reports.encode(error.report)) }
        : undefined,
  }
  const full = encode(detail, message)
  if (full.length <= TRAILER_LIMIT_BYTES) return full
  const lines = detail.lines.slice(0, 20).map((line) => shorten(line, 300))
  lines.push(`(shortened: ${full.length} bytes do not fit into an error)`)
  return encode({ ...detail, lines, report: undefined }, shorten(message, MESSAGE_LIMIT_CHARACTERS))
}

/** Message and detail of an error that one of our servers sent; undefined for any other. */
function decodeStatus(error: ServiceError): (ErrorDetail & { message: string }) | undefined {
  const [bytes] = error.metadata?.get(TRAILER) ?? []
  if (!Buffer.isBuffer(bytes)) return undefined
  try {
    const { message, details } = RpcStatus.decode(bytes)
    const detail = details.find(({ typeUrl }) => typeUrl === DETAIL_TYPE)
    return detail && { ...ErrorDetail.decode(detail.value), message }
  } catch {
    // A trailer we cannot read is somebody else's; code and message still say something.
    return undefined
  }
}

function shorten(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters - 1).toWellFormed()}…`
}
