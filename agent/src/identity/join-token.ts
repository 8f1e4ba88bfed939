import { readFile } from 'node:fs/promises'
import { KeelsonError } from '@keelson/shared/errors'

/** Where a join token may come from: given as text, or in a file. */
export interface JoinTokenSource {
  readonly joinToken: string | undefined
  readonly joinTokenFile: string | undefined
}

/** The token, read anew each time; undefined if none is given. UNAVAILABLE if it cannot be read. */
export async function readJoinToken(source: JoinTokenSource): Promise<string | undefined> {
  const { joinToken, joinTokenFile: path } = source
  if (joinToken !== undefined || path === undefined) return joinToken
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    // It may be on its way: whoever starts the agent may write the file a moment later.
    throw new KeelsonError('UNAVAILABLE', `cannot read the join token from ${path}`, { cause })
  }
}
