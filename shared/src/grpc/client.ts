/**
 * Calls as promises and async iterables, with a deadline, an abort signal and, when a server is
 * away, the next server. A call is given to another server only if the first one cannot have begun
 * to act on it; otherwise the caller learns that the call may have had its effect.
 */
import * as grpc from '@grpc/grpc-js'
import { errorChain, KeelsonError } from '../errors/index.ts'
import type { Channel, Connection } from './channel.ts'
import { createDuplexSession, type DuplexSession } from './duplex.ts'
import type { DuplexMethod, StreamMethod, UnaryMethod } from './methods.ts'
import { fromServiceError, isUntouched } from './status.ts'

/** How long to wait, and what to send along. */
export interface CallOptions {
  /** Time for the whole call, all servers together; 30 s for a unary call, none for a stream. */
  readonly timeoutMs?: number
  /** Cancels the call. */
  readonly signal?: AbortSignal
  /** Headers. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** One request, one response. Raises what the server raised, or UNAVAILABLE, DEADLINE_EXCEEDED… */
export function callUnary<Req, Res>(
  channel: Channel,
  method: UnaryMethod<Req, Res>,
  request: Req,
  options: CallOptions = {},
): Promise<Res> {
  const deadline = Date.now() + (options.timeoutMs ?? 30_000)
  return onFirstServer(channel, options, deadline, ({ client }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Res>()
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadataOf(options),
      { deadline },
      (error, response) => (error ? reject(error) : resolve(response as Res)),
    )
    return cancelOnAbort(call, options.signal, promise)
  })
}

/**
 * One request, many responses. Ending the loop early cancels the call; a slow loop slows the server
 * down. Raises as `callUnary` does; another server is tried only before the first response.
 */
export async function* callStream<Req, Res>(
  channel: Channel,
  method: StreamMethod<Req, Res>,
  request: Req,
  options: CallOptions = {},
): AsyncGenerator<Res, void, undefined> {
  const deadline = deadlineOf(options)
  let address = ''
  let call: grpc.ClientReadableStream<Res> | undefined
  const cancel = () => call?.cancel()
  options.signal?.addEventListener('abort', cancel, { once: true })
  try {
    const { responses, first } = await onFirstServer(channel, options, deadline, async (server) => {
      address = server.address
      call = server.client.makeServerStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadataOf(options),
        { deadline },
      )
      // The iterator reports errors; an error event without a listener would end the process.
      call.on('error', () => undefined)
      if (options.signal?.aborted) cancel()
      const responses: AsyncIterator<Res> = call.iterator({ destroyOnReturn: false })
      return { responses, first: await responses.next() }
    })
    for (let next = first; !next.done; next = await responses.next()) yield next.value
  } catch (error) {
    throw explain(error, address, channel, options)
  } finally {
    options.signal?.removeEventListener('abort', cancel)
    cancel()
  }
}

/**
 * Opens a session and resolves once a server has let this side in. Raises as `callUnary` does. A
 * session that a server ends with UNAVAILABLE makes the next `openSession` begin with another.
 */
export async function openSession<Out, In>(
  channel: Channel,
  method: DuplexMethod<Out, In>,
  options: CallOptions = {},
): Promise<DuplexSession<In, Out>> {
  const { signal } = options
  const deadline = deadlineOf(options)
  return onFirstServer(channel, options, deadline, async (connection) => {
    const call = connection.client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadataOf(options),
      { deadline },
    )
    const { session, over } = createDuplexSession<In, Out>(call, {
      halfCloses: true,
      finish: (error) => (error ? call.cancel() : call.end()),
    })
    const cancel = () => session.close(cancelled(signal))
    session.signal.addEventListener('abort', () => signal?.removeEventListener('abort', cancel))
    signal?.addEventListener('abort', cancel, { once: true })
    if (signal?.aborted) cancel()
    await new Promise<void>((resolve, reject) => {
      call.once('metadata', () => resolve())
      call.on('error', (error: grpc.ServiceError) => {
        const known = explain(error, connection.address, channel, options)
        if (known.code === 'UNAVAILABLE') channel.avoid(connection)
        over(known)
        reject(error)
      })
      call.on('status', () => {
        over()
        resolve()
      })
    })
    return session
  })
}

/** The result of `attempt` on the first server that is there. */
async function onFirstServer<T>(
  channel: Channel,
  options: CallOptions,
  deadline: number,
  attempt: (connection: Connection) => Promise<T>,
): Promise<T> {
  const failures: KeelsonError[] = []
  for (const connection of channel.connections()) {
    try {
      await connected(
        connection,
        Math.min(deadline, Date.now() + channel.connectTimeoutMs),
        options,
      )
      const result = await attempt(connection)
      channel.prefer(connection)
      return result
    } catch (error) {
      const known = explain(error, connection.address, channel, options)
      const elsewhere = isServiceError(error) ? isUntouched(error) : known.code === 'UNAVAILABLE'
      if (!elsewhere) throw known
      failures.push(known)
    }
  }
  const [first, ...more] = failures
  if (first && more.length === 0) throw first
  const distrusted = failures.every((failure) => failure.code === 'UNAUTHENTICATED')
  throw new KeelsonError(
    distrusted ? 'UNAUTHENTICATED' : 'UNAVAILABLE',
    `none of ${failures.length} servers answered`,
    { details: failures.map((failure) => errorChain(failure)) },
  )
}

/**
 * Resolves when the connection is up, or has just failed: then the call itself learns why. Raises
 * UNAVAILABLE when neither has happened at `limit`, as with a host that drops packets.
 */
async function connected(
  { address, client }: Connection,
  limit: number,
  { signal }: CallOptions,
): Promise<void> {
  const { READY, TRANSIENT_FAILURE, SHUTDOWN } = grpc.connectivityState
  const channel = client.getChannel()
  const started = Date.now()
  for (;;) {
    if (signal?.aborted) throw cancelled(signal)
    const state = channel.getConnectivityState(true)
    if (state === SHUTDOWN) throw new KeelsonError('CANCELLED', 'the channel is closed')
    if (state === READY || state === TRANSIENT_FAILURE) return
    const { promise: change, resolve, reject } = Promise.withResolvers<void>()
    channel.watchConnectivityState(state, limit, (late) => {
      if (!late) return resolve()
      const cause = new Error(`no connection within ${Date.now() - started} ms`)
      reject(new KeelsonError('UNAVAILABLE', `cannot reach ${address}`, { cause }))
    })
    await cancelOnAbort({ cancel: resolve }, signal, change)
  }
}

async function cancelOnAbort<T>(
  call: { cancel(): void },
  signal: AbortSignal | undefined,
  result: Promise<T>,
): Promise<T> {
  const cancel = () => call.cancel()
  if (signal?.aborted) cancel()
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    return await result
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

function explain(
  error: unknown,
  address: string,
  channel: Channel,
  { signal }: CallOptions,
): KeelsonError {
  if (signal?.aborted) return cancelled(signal)
  if (isServiceError(error)) return fromServiceError(error, address, channel.reports)
  return KeelsonError.from(error, 'UNKNOWN', `the call to ${address} failed`)
}

function isServiceError(error: unknown): error is grpc.ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error
}

function cancelled(signal: AbortSignal | undefined): KeelsonError {
  return new KeelsonError('CANCELLED', 'the call was cancelled', { cause: signal?.reason })
}

function deadlineOf({ timeoutMs }: CallOptions): number {
  return timeoutMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + timeoutMs
}

function metadataOf(options: CallOptions): grpc.Metadata {
  const metadata = new grpc.Metadata()
  for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value)
  return metadata
}
