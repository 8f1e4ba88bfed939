/**
 * A session: messages both ways over one call, as agents and the coordinator hold them. The same
 * interface on both sides. Nothing in it grows without bound: a sender waits, or is told no, while
 * the other side does not read.
 */
import { type EventEmitter, once } from 'node:events'
import { KeelsonError } from '../errors/index.ts'

/** One side of a session. Iterating it gives the incoming messages; only one loop may do so. */
export interface DuplexSession<In, Out> extends AsyncIterable<In> {
  /**
   * Sends after everything sent before; resolves once there is room for the message. Raises the
   * reason of `signal` when the session is over. Delivery is not confirmed: that is the protocol's.
   */
  send(message: Out): Promise<void>
  /** Sends at once, or not at all: false when there is no room or the session is over. */
  offer(message: Out): boolean
  /** Aborts when the session is over, with a KeelsonError that says why. */
  readonly signal: AbortSignal
  /**
   * Ends the session. On the server it is over, with this error as its status or with OK; on the
   * client an error cancels it, and no error says that no more messages will come from this side.
   */
  close(error?: KeelsonError): void
}

/** The part of a call's stream that a session uses. */
export interface MessageStream<In, Out> extends EventEmitter {
  readonly writableNeedDrain: boolean
  write(message: Out): boolean
  iterator(options: { destroyOnReturn: boolean }): AsyncIterable<In>
}

/** What differs between the two sides. */
export interface DuplexEnds {
  /** Tells the other side; `error` is absent for a good end. */
  finish(error: KeelsonError | undefined): void
  /** Whether a good end by this side leaves the other side's messages to come. */
  readonly halfCloses: boolean
}

/** A session, and how its owner says that it is over. */
export interface OwnedSession<In, Out> {
  readonly session: DuplexSession<In, Out>
  /** The session ended: with an error, or well. Later calls change nothing. */
  over(error?: KeelsonError): void
}

/** Wraps a call's stream. */
export function createDuplexSession<In, Out>(
  stream: MessageStream<In, Out>,
  ends: DuplexEnds,
): OwnedSession<In, Out> {
  const abort = new AbortController()
  const { signal } = abort
  let failure: KeelsonError | undefined
  let closed = false
  let lastSend: Promise<void> = Promise.resolve()

  // An error event without a listener would end the process; `over` is told separately.
  stream.on('error', () => undefined)

  function over(error?: KeelsonError): void {
    if (signal.aborted) return
    failure = error
    abort.abort(error ?? new KeelsonError('CANCELLED', 'the session has ended'))
  }

  async function sendInTurn(message: Out): Promise<void> {
    if (stream.writableNeedDrain && !signal.aborted)
      await once(stream, 'drain', { signal }).catch(() => undefined)
    signal.throwIfAborted()
    if (closed) throw new KeelsonError('CANCELLED', 'this side has closed the session')
    stream.write(message)
  }

  async function* incoming(): AsyncGenerator<In, void, undefined> {
    try {
      yield* stream.iterator({ destroyOnReturn: false })
    } catch (error) {
      if (!signal.aborted) throw KeelsonError.from(error, 'UNAVAILABLE', 'the session broke')
    }
    // A call that was cut off ends like a finished one; what happened to it is told a turn later.
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (failure) throw failure
  }

  const session: DuplexSession<In, Out> = {
    [Symbol.asyncIterator]: incoming,
    send(message) {
      const turn = lastSend.then(() => sendInTurn(message))
      lastSend = turn.catch(() => undefined)
      return turn
    },
    offer(message) {
      if (closed || signal.aborted || stream.writableNeedDrain) return false
      stream.write(message)
      return true
    },
    signal,
    close(error) {
      if (closed || signal.aborted) return
      closed = true
      ends.finish(error)
      if (error || !ends.halfCloses) over(error)
    },
  }
  return { session, over }
}
