/** Whether an event asks for attention. */
export type EventType = 'Normal' | 'Warning'

/** One thing that happened. */
export interface Event {
  /** Position in the stream; grows, with gaps. */
  readonly sequence: number
  readonly time: number
  readonly type: EventType
  /** One CamelCase word, such as "VolumeCreated". */
  readonly reason: string
  /** Such as "volume/data". */
  readonly subject: string
  /** A sentence with numbers. */
  readonly message: string
  /** "user/<name>", "node/<name>" or "controller/<name>". */
  readonly actor: string
}
