/** How events are shown. */
import { type Event, eventTypeToJSON } from '@keelson/shared/api'
import { type Column, count, timestamp, toneOf, word } from '../../output/index.ts'

/** Times rather than ages: what is followed for hours must not grow old on the screen. */
export const eventColumns: readonly Column<Event>[] = [
  { title: 'TIME', cell: ({ time }) => timestamp(time) },
  { title: 'TYPE', cell: ({ type }) => word(eventTypeToJSON(type), 'EVENT_TYPE_'), tone: toneOf },
  { title: 'REASON', cell: ({ reason }) => reason },
  { title: 'SUBJECT', cell: ({ subject }) => subject },
  { title: 'ACTOR', cell: ({ actor }) => actor, wide: true },
  { title: 'SEQUENCE', cell: ({ sequence }) => count(sequence), right: true, wide: true },
  { title: 'MESSAGE', cell: ({ message }) => message },
]

/** "event/17". */
export function eventName({ sequence }: Event): string {
  return `event/${sequence}`
}
