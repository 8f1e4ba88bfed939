/**
 * The coordinator's side of the agents' sessions: takes reports in, hands desired documents out.
 * Heartbeats, readings and addresses stay here, in memory; only facts and transitions go to the
 * pipeline. There is one way to a host: its whole desired document, sent again when its generation
 * has grown. Changes that come while a document is on its way are sent together in the next.
 */
import { errorChain, KeelsonError } from '@keelson/shared/errors'
import type {
  AgentMessage,
  CoordinatorMessage,
  HardwareReadings,
  Hello,
  ObservedState,
} from '@keelson/shared/model'
import type { Clock, Timer } from '@keelson/shared/runtime'
import type { Admission } from '../admission/index.ts'
import type { Pipeline } from '../commit/index.ts'
import { MAXIMUM_ITEMS } from '../decide/index.ts'
import { deriveDesiredState } from './desired-state.ts'
import { createPacer } from './pacer.ts'

/** The transport of one session, as dispatch needs it. */
export interface AgentLink {
  /** Host the client certificate names. */
  readonly node: string
  /** Address of the agent. */
  readonly address: string
  /** Sends at once or says no; a link that says no is too slow and is closed. */
  offer(message: CoordinatorMessage): boolean
  close(error: KeelsonError): void
}

/** One session as its transport drives it. */
export interface AgentSession {
  /** Takes one message; resolves when it is durable, so that a fast agent is held back. */
  receive(message: AgentMessage): Promise<void>
  /** The transport is gone. */
  ended(): void
}

/** What is known of a host by its session only. */
export interface Presence {
  readonly connected: boolean
  readonly lastSeenAt: number
  readonly appliedGeneration: number
  readonly readings: HardwareReadings | undefined
}

/** What dispatch needs. */
export interface DispatcherOptions {
  readonly pipeline: Pipeline
  readonly admission: Admission
  readonly clock: Clock
  readonly heartbeatIntervalMs: number
  readonly onError: (node: string, message: string) => void
}

/** Sessions of all hosts. */
export interface Dispatcher {
  accept(link: AgentLink): AgentSession
  presence(node: string): Presence | undefined
  /** Ends the session of a host that was judged offline: it comes back with a full report. */
  expel(node: string): void
  /** Ends every session; agents dial again. */
  stop(error: KeelsonError): void
}

interface Session {
  readonly link: AgentLink
  /** Order of the hellos: of two sessions of a host the one that began later counts. */
  readonly order: number
  lastSeenAt: number
  appliedGeneration: number
  ledgerGeneration: number
  readings: HardwareReadings | undefined
  /** Generation last sent; 0 before the first. */
  sentGeneration: number
  sentAt: number
  timer: Timer | undefined
  /** Why it is over; undefined while it is not. */
  over: KeelsonError | undefined
}

/** A thousand hosts that change all the time get a document every two seconds each. */
const DOCUMENTS_PER_SECOND = 500
/** A document that was not stored by then does not hold back the next any longer. */
const STORE_TIMEOUT_MS = 10_000

/** Starts dispatch on a pipeline. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { pipeline, admission, clock } = options
  const { state } = pipeline
  const sessions = new Map<string, Session>()
  let hellos = 0
  let stopped: KeelsonError | undefined

  const pacer = createPacer({
    clock,
    perSecond: DOCUMENTS_PER_SECOND,
    serve(node) {
      const session = sessions.get(node)
      if (session) sendDesired(session)
    },
  })

  const unsubscribe = pipeline.feed.subscribe(({ changes }) => {
    for (const change of changes)
      if (change.kind === 'generation' && sessions.has(change.id)) pacer.request(change.id)
  })

  function scheduleSend(session: Session, delayMs: number): void {
    if (session.timer || session.over) return
    session.timer = clock.after(delayMs, () => {
      session.timer = undefined
      sendDesired(session)
    })
  }

  function isBehind({ link, sentGeneration }: Session): boolean {
    return sentGeneration !== (state.generations.get(link.node)?.generation ?? 0)
  }

  function sendDesired(session: Session): void {
    if (session.over || sessions.get(session.link.node) !== session) return
    if (!isBehind(session)) return
    const stored = session.ledgerGeneration >= session.sentGeneration
    const waitedMs = clock.now() - session.sentAt
    if (!stored && waitedMs < STORE_TIMEOUT_MS)
      return scheduleSend(session, STORE_TIMEOUT_MS - waitedMs)
    sendNow(session)
  }

  function sendNow(session: Session): void {
    const { node } = session.link
    // A timer for this document would hold back the next one.
    session.timer?.cancel()
    session.timer = undefined
    const desired = deriveDesiredState(state, node)
    session.sentGeneration = desired.generation
    session.sentAt = clock.now()
    // The state may be ahead of the store. A host must never act on what a failed store then
    // forgets, so the document leaves only when all it was derived from is durable.
    pipeline.settled().then(
      () => send(session, { type: 'desired', desired }),
      (error) => end(session, KeelsonError.from(error)),
    )
  }

  function send(session: Session, message: CoordinatorMessage): void {
    if (session.over || session.link.offer(message)) return
    end(session, new KeelsonError('RESOURCE_EXHAUSTED', 'the agent does not read its session'))
  }

  function end(session: Session, error: KeelsonError): void {
    if (session.over) return
    session.over = error
    session.timer?.cancel()
    session.link.close(error)
  }

  async function begin(link: AgentLink, hello: Hello, isOver: () => boolean): Promise<Session> {
    const order = hellos++
    // The host lives from here on, also while its hello is being made durable.
    const known = sessions.get(link.node)
    if (known) known.lastSeenAt = clock.now()
    if (hello.node !== link.node)
      throw new KeelsonError(
        'PERMISSION_DENIED',
        `the certificate names node "${link.node}", it cannot speak for "${hello.node}"`,
      )
    const command = admission.plain('RecordHello', `node/${hello.node}`, {
      hello,
      address: link.address,
    })
    await pipeline.submit(command)
    const older = sessions.get(link.node)
    // While this was made durable, the agent may have given the session up and begun another.
    if (isOver()) throw new KeelsonError('CANCELLED', 'the session ended as it began')
    if (older && older.order > order) throw newerSession(link.node)
    if (stopped) throw stopped
    // The host was judged by its silence before this hello; only another makes it online.
    if (state.nodes.get(link.node)?.status.phase !== 'Online')
      throw new KeelsonError('UNAVAILABLE', 'the host was judged offline as it came; dial again')
    const session: Session = {
      link,
      order,
      lastSeenAt: clock.now(),
      appliedGeneration: 0,
      ledgerGeneration: hello.ledgerGeneration,
      readings: undefined,
      sentGeneration: 0,
      sentAt: 0,
      timer: undefined,
      over: undefined,
    }
    sessions.set(link.node, session)
    if (older) end(older, newerSession(link.node))
    welcome(session)
    return session
  }

  function welcome(session: Session): void {
    const { node } = session.link
    const inventoryHashes: Record<string, string> = {}
    for (const id of state.inventory.idsWithPrefix(`${node}/`)) {
      const { meta } = state.inventory.get(id)!
      inventoryHashes[meta.name] = meta.sha256
    }
    const clusterId = state.cluster.get('info')?.clusterId ?? ''
    const { heartbeatIntervalMs } = options
    send(session, { type: 'welcome', welcome: { clusterId, heartbeatIntervalMs, inventoryHashes } })
    // Always sent on a new session: what the agent has may be of this generation and still differ,
    // when the number was given once before the state was restored from a backup.
    sendNow(session)
  }

  async function handle(session: Session, message: AgentMessage): Promise<void> {
    const { node } = session.link
    // What was still on its way when the session ended may be older than what the next one says.
    if (session.over) throw session.over
    session.lastSeenAt = clock.now()
    switch (message.type) {
      case 'hello':
        throw new KeelsonError('INVALID_ARGUMENT', 'a session says hello once')
      case 'heartbeat':
        if (message.readings) session.readings = message.readings
        session.ledgerGeneration = message.ledgerGeneration
        if (isBehind(session)) pacer.request(node)
        return
      case 'inventory':
        await pipeline.submit(
          admission.plain('RecordInventory', `node/${node}`, { node, sections: message.sections }),
        )
        return
      case 'observed':
        session.appliedGeneration = message.observed.appliedGeneration
        // What was carried out was stored.
        session.ledgerGeneration = Math.max(session.ledgerGeneration, session.appliedGeneration)
        if (isBehind(session)) pacer.request(node)
        await record(node, message.observed)
    }
  }

  /** In pieces that fit one transaction each; all under way together, in order. */
  async function record(node: string, observed: ObservedState): Promise<void> {
    await Promise.all(
      pieces(observed).map((piece) =>
        pipeline.submit(
          admission.plain('RecordObserved', `node/${node}`, { node, observed: piece }),
        ),
      ),
    )
  }

  return {
    accept(link) {
      let session: Session | undefined
      let over = false
      return {
        async receive(message) {
          if (session) return handle(session, message)
          if (message.type !== 'hello')
            throw new KeelsonError('INVALID_ARGUMENT', 'a session begins with hello')
          session = await begin(link, message.hello, () => over)
        },
        ended() {
          over = true
          if (!session) return
          session.over ??= new KeelsonError('CANCELLED', 'the session is over')
          session.timer?.cancel()
        },
      }
    },
    presence(node) {
      const session = sessions.get(node)
      if (!session) return undefined
      const { lastSeenAt, appliedGeneration, readings, over } = session
      return { connected: !over, lastSeenAt, appliedGeneration, readings }
    },
    expel(node) {
      const session = sessions.get(node)
      if (session) end(session, new KeelsonError('UNAVAILABLE', 'no heartbeat came in time'))
    },
    stop(error) {
      stopped = error
      unsubscribe()
      pacer.stop()
      for (const [node, session] of sessions) {
        try {
          end(session, error)
        } catch (failure) {
          options.onError(node, errorChain(failure))
        }
      }
    },
  }
}

function newerSession(node: string): KeelsonError {
  return new KeelsonError('ABORTED', `node "${node}" has a newer session`)
}

function pieces(observed: ObservedState): ObservedState[] {
  const { pools, replicas, snapshots } = observed
  if (pools.length + replicas.length + snapshots.length <= MAXIMUM_ITEMS) return [observed]
  const none = { ...observed, full: false, pools: [], replicas: [], snapshots: [] }
  return [
    ...chunks(pools).map((items) => ({ ...none, pools: items })),
    ...chunks(replicas).map((items) => ({ ...none, replicas: items })),
    ...chunks(snapshots).map((items) => ({ ...none, snapshots: items })),
  ]
}

function chunks<T>(items: readonly T[]): T[][] {
  const result: T[][] = []
  for (let i = 0; i < items.length; i += MAXIMUM_ITEMS)
    result.push(items.slice(i, i + MAXIMUM_ITEMS))
  return result
}
