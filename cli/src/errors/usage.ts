/** Mistakes in the command line itself. */
import { KeelsonError } from '@keelson/shared/errors'

/** INVALID_ARGUMENT, which ends with exit code 2; `hints` are shown below the message. */
export function usageError(message: string, ...hints: readonly string[]): KeelsonError {
  return new KeelsonError('INVALID_ARGUMENT', message, { details: hints })
}
