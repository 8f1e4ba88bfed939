import type { EventServiceService } from '@keelson/shared/api'
import { eventCodec, int64 } from '@keelson/shared/codec'
import { KeelsonError } from '@keelson/shared/errors'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import type { Event } from '@keelson/shared/model'
import { eventId, lowerBound, type StateView } from '../state/index.ts'
import { reader } from './access.ts'
import { pageSize } from './listing.ts'
import type { CurrentTerm } from './term.ts'

const DEFAULT_EVENTS = 100

/** EventService. */
export function eventHandlers(current: CurrentTerm): ServiceHandlers<typeof EventServiceService> {
  return {
    async listEvents(request, context) {
      reader(context)
      const { pipeline } = current()
      const limit = pageSize(request.pageSize, DEFAULT_EVENTS)
      const matches = matcher(request)
      const events =
        request.afterSequence === undefined
          ? newest(pipeline.state, limit, matches)
          : after(
              pipeline.state,
              int64.read(request.afterSequence, 'after_sequence'),
              limit,
              matches,
            )
      const last = events.at(-1)?.sequence ?? pipeline.state.lastEventSequence
      await pipeline.settled()
      return { events: events.map(eventCodec.write), lastSequence: BigInt(last) }
    },

    async *watchEvents(request, context) {
      reader(context)
      const { pipeline } = current()
      const matches = matcher(request)
      const revision = pipeline.state.revision
      const earlier =
        request.afterSequence === undefined
          ? []
          : kept(pipeline.state, int64.read(request.afterSequence, 'after_sequence')).filter(
              matches,
            )
      await pipeline.settled()
      for (const event of earlier) yield { event: eventCodec.write(event) }
      for await (const { changes } of pipeline.feed.follow(revision, context.signal))
        for (const change of changes)
          if (change.kind === 'event' && change.value && matches(change.value))
            yield { event: eventCodec.write(change.value) }
    },
  }
}

function matcher(request: { readonly subject: string; readonly warningsOnly: boolean }) {
  const { subject, warningsOnly } = request
  return (event: Event) =>
    (!warningsOnly || event.type === 'Warning') &&
    (subject === '' || event.subject === subject || event.subject.startsWith(`${subject}/`))
}

function newest(state: StateView, limit: number, matches: (event: Event) => boolean): Event[] {
  const ids = state.events.sortedIds()
  const events: Event[] = []
  for (let i = ids.length - 1; i >= 0 && events.length < limit; i--) {
    const event = state.events.get(ids[i]!)!
    if (matches(event)) events.push(event)
  }
  return events.reverse()
}

function after(
  state: StateView,
  sequence: number,
  limit: number,
  matches: (event: Event) => boolean,
): Event[] {
  return allAfter(state, sequence).filter(matches).slice(0, limit)
}

/** Every event after the sequence; OUT_OF_RANGE when some of them are pruned. */
function kept(state: StateView, sequence: number): Event[] {
  const oldest = state.events.get(state.events.sortedIds()[0] ?? '')?.sequence ?? 1
  if (sequence + 1 < oldest)
    throw new KeelsonError(
      'OUT_OF_RANGE',
      `events after ${sequence} are no longer all kept, the oldest is ${oldest}`,
      { reason: 'compacted' },
    )
  return allAfter(state, sequence)
}

function allAfter(state: StateView, sequence: number): Event[] {
  const ids = state.events.sortedIds()
  return ids.slice(lowerBound(ids, eventId(sequence + 1))).map((id) => state.events.get(id)!)
}
