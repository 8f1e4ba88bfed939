/** The seam between the session and the network; the simulation plugs in a network of its own. */
import type { AgentMessage, CoordinatorMessage } from '@keelson/shared/model'

/** One connection to a coordinator. Iterating it, once, gives what the coordinator says. */
export interface SessionLink extends AsyncIterable<CoordinatorMessage> {
  /** Sends in order; resolves once there is room for the message, rejects when the link is over. */
  send(message: AgentMessage): Promise<void>
  /** Ends the link; what was not sent yet may be lost. Idempotent. */
  close(): void
}

/** Makes connections. */
export interface SessionTransport {
  /**
   * Connects to whichever coordinator serves. Raises a KeelsonError whose code decides how soon the
   * next try is made. Aborting `signal` gives the try up, and ends the link that came of it.
   */
  connect(signal: AbortSignal): Promise<SessionLink>
}
