import { EventServiceService, ListEventsResponse } from '@keelson/shared/api'
import { renderTable } from '../../output/index.ts'
import { listJson } from '../../resource/index.ts'
import { defineVerb, text, toggle, wholeNumber } from '../../verb/index.ts'
import { eventColumns, eventName } from './columns.ts'
import { followEvents } from './follow.ts'

/** `event list`. */
export const list = defineVerb({
  name: 'list',
  summary: 'list the newest events, oldest first, and follow new ones',
  description: 'With -o json, --follow prints one event per line.',
  flags: {
    subject: text('kind/name', 'only events on this or below it: volume, or volume/data'),
    warnings: toggle('only what asks for attention'),
    limit: wholeNumber('count', 'at most this many (100)', [1, 1_000]),
    follow: toggle('go on with what happens, until interrupted', { short: 'f' }),
  },
  examples: [
    'event list',
    'event list --subject volume/data',
    'event list --warnings --follow',
    'event list --follow -o json',
  ],
  async run({ flags, session }) {
    const client = await session.client()
    const filter = { subject: flags.subject ?? '', warningsOnly: flags.warnings }
    const response = await client.call(EventServiceService.listEvents, {
      ...filter,
      afterSequence: undefined,
      pageSize: flags.limit ?? 0,
    })
    if (flags.follow) return followEvents(session, filter, response)
    const { events } = response
    await session.print({
      json: listJson('events', ListEventsResponse.toJSON(response)),
      names: events.map(eventName),
      human: (style) => renderTable(eventColumns, events, style),
    })
    const isTable = session.format === 'table' || session.format === 'wide'
    if (isTable && events.length === 0) session.progress.note('no events')
  },
})
