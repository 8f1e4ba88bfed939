/**
 * Plain functions as gRPC handlers. A handler gets a request and a context, returns a promise or an
 * async iterable, and throws `KeelsonError`; who is calling, deadlines, cancellation, back-pressure
 * and the form of errors are dealt with here, once.
 */
import { type EventEmitter, once } from 'node:events'
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
} from '@grpc/grpc-js'
import { AssertionError, type Code, KeelsonError } from '../errors/index.ts'
import type { Logger } from '../logging/index.ts'
import type { Identity, NodeIdentity, UserIdentity } from '../pki/index.ts'
import type { Rng } from '../runtime/index.ts'
import { createDuplexSession, type DuplexSession } from './duplex.ts'
import { type ReportCodec, toServiceError } from './status.ts'

/** What a handler knows of its call besides the request. */
export interface CallContext {
  readonly identity: Identity
  /** Aborts when the client goes away or its deadline passes; the reason is a KeelsonError. */
  readonly signal: AbortSignal
  /** "/package.Service/Method". */
  readonly method: string
  /** Address of the client, for people. */
  readonly peer: string
  /** When the client stops waiting, in epoch milliseconds; Infinity when it never does. */
  readonly deadlineMs: number
}

/** Answers one request. */
export type UnaryHandler<Request, Response> = (
  request: Request,
  context: CallContext,
) => Promise<Response>

/**
 * Answers one request with many responses. The next one is asked for only when there is room for
 * it. A handler that waits for something to happen watches `context.signal`.
 */
export type StreamHandler<Request, Response> = (
  request: Request,
  context: CallContext,
) => AsyncIterable<Response>

/** Holds a session; the session ends when the promise settles. */
export type SessionHandler<In, Out> = (
  session: DuplexSession<In, Out>,
  context: CallContext,
) => Promise<void>

/** Says who calls. Both raise UNAUTHENTICATED; a call without either proof is anonymous. */
export interface Authenticator {
  /** The user behind a bearer token. */
  user(token: string): UserIdentity
  /** The node that a client certificate names; TLS has verified it against our authority. */
  node(certificateDer: Uint8Array): NodeIdentity
}

/** What handlers need around them. */
export interface HandlerOptions {
  readonly authenticator: Authenticator
  readonly log: Pick<Logger, 'error'>
  readonly rng: Rng
  readonly reports?: ReportCodec
  /**
   * What to do about a broken invariant after the call was answered with INTERNAL; unless told, the
   * error goes uncaught and ends the process, because its state can no longer be trusted.
   */
  readonly onAssertion?: (error: AssertionError) => void
}

/** Turns functions into what grpc-js calls. */
export interface Handlers {
  unary<Req, Res>(handler: UnaryHandler<Req, Res>): handleUnaryCall<Req, Res>
  stream<Req, Res>(handler: StreamHandler<Req, Res>): handleServerStreamingCall<Req, Res>
  duplex<In, Out>(handler: SessionHandler<In, Out>): handleBidiStreamingCall<In, Out>
  /** Ends every stream and session under way with `error`. */
  endStreams(error: KeelsonError): void
}

/** What all kinds of calls have in common. */
interface Call {
  readonly metadata: Metadata
  getAuthContext(): { sslPeerCertificate?: { raw: Uint8Array } }
  getPeer(): string
  getPath(): string
  getDeadline(): Date | number
  on(event: 'cancelled', listener: () => void): unknown
}

/** Makes adapters that share one authenticator, one log and one list of open streams. */
export function createHandlers(options: HandlerOptions): Handlers {
  const { authenticator, reports } = options
  const open = new Set<(error: KeelsonError) => void>()
  const context = (call: Call, signal: AbortSignal) => contextOf(call, authenticator, signal)
  const explain = (error: unknown, call: Call, signal: AbortSignal) =>
    explained(error, call.getPath(), signal, options)

  function unary<Req, Res>(handler: UnaryHandler<Req, Res>): handleUnaryCall<Req, Res> {
    return async (call, callback) => {
      const life = lifeOf(call)
      try {
        const response = await handler(call.request, context(call, life.signal))
        life.end()
        callback(null, response)
      } catch (error) {
        life.end()
        callback(toServiceError(explain(error, call, life.signal), reports))
      }
    }
  }

  function stream<Req, Res>(handler: StreamHandler<Req, Res>): handleServerStreamingCall<Req, Res> {
    return async (call) => {
      const life = lifeOf(call)
      const fail = (error: KeelsonError) => {
        if (life.end(error)) call.emit('error', toServiceError(error, reports))
      }
      open.add(fail)
      try {
        for await (const response of handler(call.request, context(call, life.signal))) {
          if (!life.signal.aborted && !call.write(response)) await drained(call, life.signal)
          if (life.signal.aborted) break
        }
        if (life.end()) call.end()
      } catch (error) {
        fail(explain(error, call, life.signal))
      } finally {
        open.delete(fail)
      }
    }
  }

  function duplex<In, Out>(handler: SessionHandler<In, Out>): handleBidiStreamingCall<In, Out> {
    return async (call) => {
      const { session, over } = createDuplexSession<In, Out>(call, {
        halfCloses: false,
        finish(error) {
          if (error) call.emit('error', toServiceError(error, reports))
          else call.end()
        },
      })
      call.on('cancelled', () => over(gone(call)))
      open.add(session.close)
      try {
        const known = context(call, session.signal)
        // Headers go out now, so that the client knows it has been let in.
        call.sendMetadata(new Metadata())
        await handler(session, known)
        session.close()
      } catch (error) {
        session.close(explain(error, call, session.signal))
      } finally {
        open.delete(session.close)
      }
    }
  }

  return {
    unary,
    stream,
    duplex,
    endStreams(error) {
      for (const end of open) end(error)
    },
  }
}

function contextOf(call: Call, authenticator: Authenticator, signal: AbortSignal): CallContext {
  return {
    identity: identify(call, authenticator),
    signal,
    method: call.getPath(),
    peer: call.getPeer(),
    deadlineMs: Number(call.getDeadline()),
  }
}

/** A token counts before a certificate: whoever shows one wants to be that user. */
function identify(call: Call, authenticator: Authenticator): Identity {
  const [authorization] = call.metadata.get('authorization')
  if (authorization !== undefined) {
    const token = /^Bearer (\S+)$/i.exec(String(authorization))?.[1]
    if (token === undefined)
      throw new KeelsonError('UNAUTHENTICATED', 'the authorization header has no bearer token')
    return authenticator.user(token)
  }
  // The transport gives a certificate only when TLS verified it and the client holds its key.
  const certificate = call.getAuthContext().sslPeerCertificate
  return certificate ? authenticator.node(certificate.raw) : { kind: 'anonymous' }
}

/** The time between a call's arrival and its answer. */
interface Life {
  readonly signal: AbortSignal
  /** Ends it, with an error if it is cut short; false when it had ended before. */
  end(error?: KeelsonError): boolean
}

function lifeOf(call: Call): Life {
  const abort = new AbortController()
  let over = false
  const end = (error?: KeelsonError) => {
    if (over) return false
    over = true
    if (error) abort.abort(error)
    return true
  }
  // The transport reports every call's end this way; only an end before the answer is news.
  call.on('cancelled', () => {
    if (!over) end(gone(call))
  })
  return { signal: abort.signal, end }
}

function gone(call: Call): KeelsonError {
  return Date.now() >= Number(call.getDeadline())
    ? new KeelsonError('DEADLINE_EXCEEDED', 'the deadline of the call has passed')
    : new KeelsonError('CANCELLED', 'the client has gone away')
}

async function drained(call: EventEmitter, signal: AbortSignal): Promise<void> {
  await once(call, 'drain', { signal }).catch(() => undefined)
}

/** What the client may know of an error; what it may not goes to the log under an id. */
function explained(
  error: unknown,
  method: string,
  signal: AbortSignal,
  { log, rng, onAssertion = endProcess }: HandlerOptions,
): KeelsonError {
  const isAbort = error instanceof Error && error.name === 'AbortError'
  if (signal.aborted && (error === signal.reason || isAbort)) return signal.reason
  if (error instanceof KeelsonError && !OURS_TO_MEND.has(error.code)) return error
  const callId = rng.uuid()
  log.error({ err: error, callId, method }, 'call failed')
  if (error instanceof AssertionError) onAssertion(error)
  if (error instanceof KeelsonError) return error
  return new KeelsonError('INTERNAL', `internal error ${callId}; the server's log has the cause`)
}

/** Codes that tell of a fault on this side, which the log must know too. */
const OURS_TO_MEND: ReadonlySet<Code> = new Set<Code>(['INTERNAL', 'UNKNOWN', 'DATA_LOSS'])

function endProcess(error: AssertionError): void {
  setImmediate(() => {
    throw error
  })
}
