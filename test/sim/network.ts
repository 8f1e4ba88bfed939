/**
 * The network between simulated agents and the simulated coordinator. Like TCP it keeps order and
 * loses nothing while a connection lives; what it does to people is delay, cut and refuse.
 */
import type { SessionLink, SessionTransport } from '@keelson/agent/session'
import type { CurrentTerm } from '@keelson/coordinator/api'
import type { AgentSession } from '@keelson/coordinator/dispatch'
import { KeelsonError } from '@keelson/shared/errors'
import type { AgentMessage, CoordinatorMessage } from '@keelson/shared/model'
import type { Clock, Rng } from '@keelson/shared/runtime'

/** What the network needs. */
export interface NetworkOptions {
  readonly clock: Clock
  readonly rng: Rng
  /** The coordinator's present term; undefined while no process runs. */
  readonly coordinator: () => CurrentTerm | undefined
}

/** The network of one world. */
export interface Network {
  transport(node: string): SessionTransport
  /** Longest one-way delay in milliseconds; each message takes a random part of it. */
  delayMs: number
  /** Hosts that cannot reach the coordinator. */
  readonly cut: Set<string>
  /** Ends connections: of one host, or all of them. */
  disconnect(node?: string): void
}

interface Connection {
  readonly node: string
  end(error: KeelsonError): void
}

/** A network without faults; faults are made by changing it. */
export function createNetwork(options: NetworkOptions): Network {
  const { clock, rng } = options
  const connections = new Set<Connection>()
  const network: Network = {
    delayMs: 5,
    cut: new Set(),
    disconnect(node) {
      for (const connection of [...connections])
        if (node === undefined || connection.node === node)
          connection.end(new KeelsonError('UNAVAILABLE', 'the connection broke'))
    },
    transport: (node) => ({ connect: (signal) => connect(node, signal) }),
  }

  async function connect(node: string, signal: AbortSignal): Promise<SessionLink> {
    await pause()
    signal.throwIfAborted()
    const current = options.coordinator()
    if (network.cut.has(node) || !current)
      throw new KeelsonError('UNAVAILABLE', 'no coordinator answers')
    const { dispatcher } = current()
    const down = createQueue<CoordinatorMessage>()
    let session: AgentSession | undefined
    const connection: Connection = {
      node,
      end(error) {
        if (!connections.delete(connection)) return
        down.fail(error)
        session?.ended()
      },
    }
    connections.add(connection)
    const toAgent = createLane(clock, () => rng.next() * network.delayMs)
    const toCoordinator = createLane(clock, () => rng.next() * network.delayMs)
    session = dispatcher.accept({
      node,
      address: `${node}:1`,
      offer(message) {
        if (!connections.has(connection)) return false
        toAgent(() => down.push(structuredClone(message)))
        return true
      },
      close: (error) => connection.end(error),
    })
    const receive = createReceiver(session, (error) => connection.end(error))
    signal.addEventListener('abort', () => connection.end(KeelsonError.from(signal.reason)))
    return {
      async send(message) {
        if (!connections.has(connection))
          throw new KeelsonError('UNAVAILABLE', 'the connection is gone')
        const copy = structuredClone(message)
        toCoordinator(() => connections.has(connection) && receive(copy))
      },
      close: () => connection.end(new KeelsonError('CANCELLED', 'the agent ended the session')),
      [Symbol.asyncIterator]: () => down.iterate(),
    }
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => clock.after(rng.next() * network.delayMs, resolve))
  }

  return network
}

/** One direction of a connection: random delays that never overtake each other. */
function createLane(clock: Clock, delay: () => number): (deliver: () => void) => void {
  let free = clock.now()
  return (deliver) => {
    free = Math.max(free, clock.now() + delay())
    clock.after(free - clock.now(), deliver)
  }
}

/** Hands messages to the coordinator one after the other, as its gRPC edge does. */
function createReceiver(session: AgentSession, fail: (error: KeelsonError) => void) {
  let last: Promise<void> = Promise.resolve()
  return (message: AgentMessage): void => {
    last = last
      .then(() => session.receive(message))
      .catch((error) => fail(KeelsonError.from(error)))
  }
}

/** Messages waiting for one reader. */
function createQueue<T>() {
  const items: T[] = []
  let failure: KeelsonError | undefined
  let wake: (() => void) | undefined
  return {
    push(item: T): void {
      if (failure) return
      items.push(item)
      wake?.()
    },
    fail(error: KeelsonError): void {
      failure ??= error
      wake?.()
    },
    async *iterate(): AsyncGenerator<T, void, undefined> {
      for (;;) {
        const item = items.shift()
        if (item !== undefined) yield item
        else if (failure) throw failure
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    },
  }
}
