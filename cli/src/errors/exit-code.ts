/** Exit codes are a contract: scripts branch on them. */
import type { Code, KeelsonError } from '@keelson/shared/errors'

/** The contract. */
export const EXIT_CODES = {
  ok: 0,
  other: 1,
  usage: 2,
  notPlaceable: 3,
  breaksRedundancy: 4,
  timedOut: 5,
  conflict: 6,
  notFound: 7,
  notAllowed: 8,
  unreachable: 9,
  /** As shells report Ctrl-C; not an outcome of the work. */
  interrupted: 130,
} as const

/** A number the process may end with. */
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES]

const BY_CODE: Readonly<Record<Code, ExitCode>> = {
  CANCELLED: EXIT_CODES.other,
  UNKNOWN: EXIT_CODES.other,
  INVALID_ARGUMENT: EXIT_CODES.usage,
  DEADLINE_EXCEEDED: EXIT_CODES.timedOut,
  NOT_FOUND: EXIT_CODES.notFound,
  ALREADY_EXISTS: EXIT_CODES.conflict,
  PERMISSION_DENIED: EXIT_CODES.notAllowed,
  // A full disk or an oversized message; what has no place says so in its reason.
  RESOURCE_EXHAUSTED: EXIT_CODES.other,
  FAILED_PRECONDITION: EXIT_CODES.conflict,
  ABORTED: EXIT_CODES.conflict,
  OUT_OF_RANGE: EXIT_CODES.other,
  UNIMPLEMENTED: EXIT_CODES.other,
  INTERNAL: EXIT_CODES.other,
  UNAVAILABLE: EXIT_CODES.unreachable,
  DATA_LOSS: EXIT_CODES.other,
  UNAUTHENTICATED: EXIT_CODES.notAllowed,
}

/** The exit code of an error: its reason counts before its code. */
export function exitCodeOf(error: KeelsonError): ExitCode {
  if (error.reason === 'not-placeable') return EXIT_CODES.notPlaceable
  if (error.reason === 'breaks-redundancy') return EXIT_CODES.breaksRedundancy
  return BY_CODE[error.code]
}
