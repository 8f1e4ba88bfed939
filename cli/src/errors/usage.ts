/** Mistakes in the command line itself. */
import { KeelsonError } from '@keelson/shared/errors'

/** INVALID_ARGUMENT, which ends with exit code 2; `hints` are shown below the message. */
export function usageError(message: string, ...hints: readonly string[]): KeelsonError {
  return new KeelsonError('INVALID_ARGUMENT', message, { details: hints })
}

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
}

/** A file named on the command line that cannot be read or understood, with the reason. */
export function unreadable(path: string, cause: unknown): KeelsonError {
  const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown }
  const why = FILE_PROBLEMS[String(code)] ?? String(message ?? cause).split('\n')[0]
  return usageError(`${path} cannot be read: ${why}`)
}
