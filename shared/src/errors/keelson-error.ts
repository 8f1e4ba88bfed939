/**
 * The one error class of the project. Codes are gRPC's, a closed list: an operator, a script and
 * another system all meet the same sixteen words. A message never repeats its cause; whoever logs
 * an error prints the whole chain with `errorChain`.
 */

/** gRPC status codes by name. `OK` is absent: a success is not an error. */
export const CODES = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

/** Name of a gRPC status code other than OK. */
export type Code = keyof typeof CODES

/**
 * Why an error of a broad code happened, for programs: `FAILED_PRECONDITION` alone cannot tell an
 * exit code. `not-placeable` → exit 3, `breaks-redundancy` → exit 4.
 */
export type Reason = 'not-placeable' | 'breaks-redundancy' | 'in-use' | 'deleting' | 'compacted'

/** What an error may carry besides its message. */
export interface ErrorOptions {
  readonly cause?: unknown
  readonly reason?: Reason
  /** Lines for a person, printed indented under the message: numbers, the closest miss, a fix. */
  readonly details?: readonly string[]
  /** A structured report, such as a PlacementReport; the service edge encodes it. */
  readonly report?: unknown
}

/** An operating error: something outside the program's own logic was wrong. */
export class KeelsonError extends Error {
  override readonly name = 'KeelsonError'
  readonly code: Code
  readonly reason: Reason | undefined
  readonly details: readonly string[]
  readonly report: unknown

  constructor(code: Code, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.reason = options.reason
    this.details = options.details ?? []
    this.report = options.report
  }

  /** Any thrown value as a KeelsonError; what is not one becomes `code` with the value as cause. */
  static from(
    error: unknown,
    code: Code = 'INTERNAL',
    message = 'unexpected failure',
  ): KeelsonError {
    return error instanceof KeelsonError ? error : new KeelsonError(code, message, { cause: error })
  }
}

/** The error's message followed by those of its causes, outermost first: "a: b: c". */
export function errorChain(error: unknown): string {
  const messages: string[] = []
  for (let at = error; at !== undefined && at !== null && messages.length < 16; ) {
    messages.push(at instanceof Error ? at.message || at.name : String(at))
    at = at instanceof Error ? at.cause : undefined
  }
  return messages.join(': ')
}

/** Stops the process on a programmer error: a broken invariant is never handled, it is fixed. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** A programmer error; never sent over the wire, never caught to go on. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Marks a branch the compiler proves unreachable. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable value ${JSON.stringify(value)}`)
}
