/**
 * Files that are either the old or the new version after a crash, never a mixture and never empty.
 * Every record the agent or the coordinator acts upon is written this way.
 */
import { open, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * Replaces `path` by `data`: a temporary file beside it is written and synced, renamed over it, and
 * the directory is synced, so that the new version is on the disk when the promise resolves. Mode
 * defaults to 0600. One writer at a time per path, because the temporary name is always the same:
 * what a crash left behind is replaced by the next write instead of piling up.
 */
export async function writeFileDurably(
  path: string,
  data: string | Uint8Array,
  options: { readonly mode?: number } = {},
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`)
  // A leftover is removed rather than reused: it may carry a wider mode.
  await unlink(temporary).catch(() => undefined)
  const file = await open(temporary, 'wx', options.mode ?? 0o600)
  try {
    await file.writeFile(data)
    await file.chmod(options.mode ?? 0o600)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  await syncDirectory(dirname(path))
}

/** Makes renames, creations and removals in a directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
