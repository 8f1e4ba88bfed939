/** Events as they happen. */
import { Event, EventServiceService, type ListEventsResponse } from '@keelson/shared/api'
import { follow } from '../../client/index.ts'
import { liveOutput, type Session, streamEnd } from '../../verb/index.ts'
import { eventColumns, eventName } from './columns.ts'

/**
 * Prints the events of a listing, then those after it. Raises OUT_OF_RANGE when the coordinator no
 * longer has the events in between, rather than skipping them.
 */
export async function followEvents(
  session: Session,
  filter: { readonly subject: string; readonly warningsOnly: boolean },
  listed: ListEventsResponse,
): Promise<void> {
  const { terminal, progress, format } = session
  const client = await session.client()
  const output = liveOutput(session, eventColumns)
  const write = (events: readonly Event[]) =>
    output.write(events, events[0] && Event.toJSON(events[0]), events.map(eventName))
  if (format === 'table' || format === 'wide') await write(listed.events)
  else for (const event of listed.events) await write([event])
  const end = streamEnd(session)
  const steps = follow({
    open: (afterSequence, signal) =>
      client.stream(EventServiceService.watchEvents, { ...filter, afterSequence }, signal),
    position: ({ event }) => event?.sequence ?? listed.lastSequence,
    from: listed.lastSequence,
    clock: terminal.clock,
    signal: AbortSignal.any([terminal.signal, end]),
    patient: true,
    onInterruption: ({ message }) => progress.warn(`${message}; trying again`),
  })
  try {
    for await (const { event } of steps) if (event) await write([event])
  } catch (error) {
    if (!end.aborted) throw error
  }
}
