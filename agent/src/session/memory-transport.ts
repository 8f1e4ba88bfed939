/**
 * A network inside the process, for tests and for the simulation of a whole cluster: messages are
 * handed over as they are, in order, without delay. Faults are made by whoever holds the far end.
 */
import { KeelsonError } from '@keelson/shared/errors'
import type { AgentMessage, CoordinatorMessage } from '@keelson/shared/model'
import type { SessionLink, SessionTransport } from './transport.ts'

/** The coordinator's end of a link. Iterating it, once, gives what the agent says. */
export interface MemoryPeer extends AsyncIterable<AgentMessage> {
  /** Sends; false when the link is over. */
  offer(message: CoordinatorMessage): boolean
  /** Ends the link; the agent sees the error, or a plain end. */
  close(error?: KeelsonError): void
  /** Aborts when the link is over, whoever ended it. */
  readonly signal: AbortSignal
}

/** A transport whose every connection is handed to `accept`, which may refuse it by throwing. */
export function createMemoryTransport(
  accept: (peer: MemoryPeer) => void | Promise<void>,
): SessionTransport {
  return {
    async connect(signal) {
      signal.throwIfAborted()
      const { link, peer } = createMemoryLink()
      await accept(peer)
      signal.throwIfAborted()
      return link
    },
  }
}

/** Two ends of one link. */
export function createMemoryLink(): { readonly link: SessionLink; readonly peer: MemoryPeer } {
  const toAgent = createMailbox<CoordinatorMessage>()
  const toCoordinator = createMailbox<AgentMessage>()
  const abort = new AbortController()
  function end(error?: KeelsonError): void {
    if (abort.signal.aborted) return
    abort.abort(error ?? new KeelsonError('CANCELLED', 'the link has ended'))
    toAgent.end(error)
    toCoordinator.end(undefined)
  }
  return {
    link: {
      [Symbol.asyncIterator]: () => toAgent.messages(),
      async send(message) {
        abort.signal.throwIfAborted()
        toCoordinator.put(message)
      },
      close: () => end(),
    },
    peer: {
      [Symbol.asyncIterator]: () => toCoordinator.messages(),
      offer(message) {
        if (abort.signal.aborted) return false
        toAgent.put(message)
        return true
      },
      close: end,
      signal: abort.signal,
    },
  }
}

function createMailbox<T>() {
  const waiting: T[] = []
  let ended: { readonly error: KeelsonError | undefined } | undefined
  let wake: (() => void) | undefined
  return {
    put(message: T): void {
      waiting.push(message)
      wake?.()
    },
    end(error: KeelsonError | undefined): void {
      ended ??= { error }
      wake?.()
    },
    async *messages(): AsyncGenerator<T, void, undefined> {
      for (;;) {
        while (waiting.length > 0) yield waiting.shift() as T
        if (ended?.error) throw ended.error
        if (ended) return
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}
