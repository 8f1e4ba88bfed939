/**
 * Keeps the agent's session with the coordinator: connects, says who it is, reports, takes desired
 * documents in, and comes back after every failure. The decisions are in `machine.ts`, the words in
 * `outbox.ts`; here is only what moves.
 */
import { type Code, errorChain, KeelsonError } from '@keelson/shared/errors'
import type { Logger } from '@keelson/shared/logging'
import type { CoordinatorMessage, DesiredState, Welcome } from '@keelson/shared/model'
import type { Clock, Rng, Timer } from '@keelson/shared/runtime'
import type { SessionContent } from './content.ts'
import { type ConnectionLimits, type ConnectionState, createConnectionMachine } from './machine.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import type { SessionLink, SessionTransport } from './transport.ts'

/** What a session needs. */
export interface SessionOptions {
  readonly transport: SessionTransport
  readonly content: SessionContent
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>
  readonly limits?: ConnectionLimits
}

/** What a session has been doing, for `debug` output and tests. */
export interface SessionStatus {
  readonly state: ConnectionState
  /** Since when the state is what it is. */
  readonly since: number
  readonly sessions: number
  readonly failures: number
  readonly lastError: string | undefined
  readonly refusedDocuments: number
}

/** A session that is kept up. */
export interface Session {
  /** Something to report may have changed; calls that come close together cost one report. */
  poke(): void
  /** Tries again at once if it is waiting to. */
  hurry(): void
  status(): SessionStatus
  /** Settles when the session will not come back: with an error if nobody asked for that. */
  readonly ended: Promise<KeelsonError | undefined>
  stop(): void
}

/** How long changes are gathered before they are reported. */
const GATHER_MS = 20

/** A link that has been welcomed. */
interface Current {
  readonly link: SessionLink
  readonly outbox: Outbox
  sending: boolean
}

/** Starts a session; it tries to connect at once. */
export function startSession(options: SessionOptions): Session {
  const { clock, content, log, transport } = options
  const machine = createConnectionMachine(options.rng, options.limits)
  const { promise: ended, resolve: end } = Promise.withResolvers<KeelsonError | undefined>()
  let attempt: AbortController | undefined
  let current: Current | undefined
  let timer: Timer | undefined
  let gathering: Timer | undefined
  let since = clock.now()
  let sessions = 0
  let refusedDocuments = 0
  let lastError: string | undefined
  let lastCode: Code | undefined

  /** Does what the machine says, and comes back when it has more to say. */
  function drive(): void {
    timer?.cancel()
    timer = undefined
    const action = machine.run(clock.now())
    if (action === 'Connect') void connect()
    if (action === 'Disconnect')
      attempt?.abort(new KeelsonError('DEADLINE_EXCEEDED', 'the coordinator sent no welcome'))
    if (action === 'Heartbeat') {
      current?.outbox.beat()
      void flush()
    }
    const wakeAt = machine.wakeAt()
    if (wakeAt !== undefined) timer = clock.after(wakeAt - clock.now(), drive)
  }

  async function connect(): Promise<void> {
    const abort = new AbortController()
    attempt = abort
    let link: SessionLink | undefined
    let failure: KeelsonError
    try {
      link = await transport.connect(abort.signal)
      abort.signal.addEventListener('abort', () => link?.close(), { once: true })
      abort.signal.throwIfAborted()
      await carry(link)
      abort.signal.throwIfAborted()
      failure = new KeelsonError('UNAVAILABLE', 'the coordinator ended the session')
    } catch (error) {
      const cause = abort.signal.aborted ? abort.signal.reason : error
      failure = KeelsonError.from(cause, 'UNAVAILABLE', 'the session broke')
    }
    link?.close()
    current = undefined
    if (attempt !== abort) return
    attempt = undefined
    over(failure)
  }

  /** Runs a link until it ends. */
  async function carry(link: SessionLink): Promise<void> {
    await link.send({ type: 'hello', hello: content.hello() })
    for await (const message of link) {
      if (current === undefined) {
        current = { link, outbox: createOutbox(content, welcomeOf(message)), sending: false }
        void flush()
      } else if (message.type === 'desired') {
        await take(message.desired)
      } else {
        throw new KeelsonError('INTERNAL', 'the coordinator welcomed this agent twice')
      }
    }
  }

  function welcomeOf(message: CoordinatorMessage): Welcome {
    if (message.type !== 'welcome')
      throw new KeelsonError('INTERNAL', 'the coordinator spoke before it welcomed this agent')
    const { welcome } = message
    const { clusterId } = content.hello()
    if (clusterId !== '' && clusterId !== welcome.clusterId)
      throw new KeelsonError(
        'FAILED_PRECONDITION',
        `this host holds data of cluster ${clusterId}, the coordinator is of ${welcome.clusterId}`,
      )
    machine.welcomed(clock.now(), welcome.heartbeatIntervalMs)
    since = clock.now()
    sessions++
    lastError = undefined
    lastCode = undefined
    log.info({ clusterId: welcome.clusterId }, 'session is up')
    drive()
    return welcome
  }

  /** A refused document does not end the session: the operator must see the host, and why. */
  async function take(desired: DesiredState): Promise<void> {
    try {
      await content.store(desired)
    } catch (error) {
      if (!(error instanceof KeelsonError) || error.code !== 'FAILED_PRECONDITION') throw error
      refusedDocuments++
      lastError = errorChain(error)
      log.error({ err: error, generation: desired.generation }, 'desired document refused')
    }
    // Most documents are carried out at once, and then one report says both.
    gather()
  }

  function gather(): void {
    if (current === undefined || gathering !== undefined) return
    gathering = clock.after(GATHER_MS, () => void flush())
  }

  /** Says what there is to say; one at a time, and again if more came up meanwhile. */
  async function flush(): Promise<void> {
    gathering?.cancel()
    gathering = undefined
    const mine = current
    if (mine === undefined || mine.sending) return
    mine.sending = true
    try {
      while (current === mine) {
        const messages = mine.outbox.take(clock.now())
        if (messages.length === 0) break
        for (const message of messages) await mine.link.send(message)
      }
    } catch (error) {
      // The link is over, and whoever reads from it learns why.
      log.debug({ err: error }, 'report not sent')
    } finally {
      mine.sending = false
    }
  }

  function over(failure: KeelsonError): void {
    if (machine.state() === 'Closed') return
    machine.failed(clock.now(), failure.code)
    since = clock.now()
    lastError = errorChain(failure)
    if (machine.state() === 'Closed') {
      const message = 'another agent speaks for this node'
      end(new KeelsonError('ABORTED', message, { cause: failure }))
      return
    }
    const method = LOUD.has(failure.code) ? 'error' : 'warn'
    // A coordinator that is away for an hour is one line, not a thousand.
    log[failure.code === lastCode ? 'debug' : method]({ err: failure }, 'no session')
    lastCode = failure.code
    drive()
  }

  machine.start(clock.now())
  drive()
  return {
    poke: gather,
    hurry() {
      machine.hurry(clock.now())
      drive()
    },
    status: () => ({
      state: machine.state(),
      since,
      sessions,
      failures: machine.failures(),
      lastError,
      refusedDocuments,
    }),
    ended,
    stop() {
      machine.stop()
      timer?.cancel()
      gathering?.cancel()
      current = undefined
      attempt?.abort(new KeelsonError('CANCELLED', 'the agent stops'))
      end(undefined)
    },
  }
}

/** Codes that need a person. */
const LOUD: ReadonlySet<Code> = new Set<Code>(['PERMISSION_DENIED', 'UNAUTHENTICATED', 'ABORTED'])
