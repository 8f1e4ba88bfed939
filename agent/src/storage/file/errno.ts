/** How failed system calls become errors an operator can act upon. */
import { type Code, KeelsonError } from '@keelson/shared/errors'

const CODE_OF: Readonly<Record<string, Code>> = {
  EACCES: 'PERMISSION_DENIED',
  EBUSY: 'FAILED_PRECONDITION',
  EEXIST: 'FAILED_PRECONDITION',
  EDQUOT: 'RESOURCE_EXHAUSTED',
  EFBIG: 'OUT_OF_RANGE',
  EIO: 'DATA_LOSS',
  EMFILE: 'RESOURCE_EXHAUSTED',
  ENFILE: 'RESOURCE_EXHAUSTED',
  ENOENT: 'FAILED_PRECONDITION',
  ENOSPC: 'RESOURCE_EXHAUSTED',
  ENOTDIR: 'FAILED_PRECONDITION',
  EPERM: 'PERMISSION_DENIED',
  EROFS: 'FAILED_PRECONDITION',
}

/**
 * Runs file calls; a failed one becomes a KeelsonError "cannot <what>" with the call's own as
 * cause. What is a KeelsonError already, or no system call's failure at all, passes as it is.
 */
export async function attempt<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    const errno = errnoOf(error)
    if (error instanceof KeelsonError || errno === undefined) throw error
    throw new KeelsonError(CODE_OF[errno] ?? 'INTERNAL', `cannot ${what}`, { cause: error })
  }
}

/** The symbolic errno of a failed system call, such as ENOENT. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** The value of a file call, or undefined where its object does not exist. */
export async function ifExists<T>(action: Promise<T>): Promise<T | undefined> {
  try {
    return await action
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}
