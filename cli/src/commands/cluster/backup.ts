import { constants } from 'node:fs'
import { access, open, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ClusterServiceService } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { syncDirectory } from '@keelson/shared/exec'
import { duration, exactSize } from '../../output/index.ts'
import { outcomeView } from '../../resource/index.ts'
import { argument, defineVerb, type Session, streamEnd, toggle } from '../../verb/index.ts'

/** `cluster backup`. */
export const backup = defineVerb({
  name: 'backup',
  summary: 'write a consistent backup of the cluster to a file',
  description:
    'The cluster goes on meanwhile. The file appears when it is complete and durable, and only ' +
    "its owner may read it: it holds the cluster's keys. It has no data of volumes.",
  args: { file: argument('file to write', 'file') },
  flags: { force: toggle('replace the file if it exists') },
  examples: ['cluster backup keelson.backup', 'cluster backup nightly.backup --force'],
  async run({ args: { file }, flags: { force }, session }) {
    const path = resolve(session.terminal.directory, file)
    if (!force && (await exists(path)))
      throw new KeelsonError('ALREADY_EXISTS', `${file} exists`, {
        details: ['--force replaces it'],
      })
    const partial = `${path}.partial`
    try {
      const { sizeBytes, resourceVersion } = await receive(session, partial)
      await rename(partial, path)
      await syncDirectory(dirname(path))
      const json = {
        file: path,
        sizeBytes: String(sizeBytes),
        resourceVersion: String(resourceVersion),
      }
      const outcome = `written: ${exactSize(sizeBytes)}, revision ${resourceVersion}`
      await session.print({ ...outcomeView(file, outcome, json), names: [`file/${path}`] })
    } catch (error) {
      await rm(partial, { force: true })
      if (error instanceof KeelsonError) throw error
      throw new KeelsonError('UNKNOWN', `cannot write ${file}`, { cause: error })
    }
  },
})

async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  )
}

/** Writes the stream to a new file and syncs it; a leftover of an earlier try is replaced. */
async function receive(
  session: Session,
  path: string,
): Promise<{ readonly sizeBytes: number; readonly resourceVersion: bigint }> {
  const client = await session.client()
  const { progress } = session
  const end = streamEnd(session)
  await rm(path, { force: true })
  const file = await open(path, 'wx', 0o600)
  let sizeBytes = 0
  let resourceVersion = 0n
  try {
    for await (const piece of client.stream(ClusterServiceService.backupCluster, {}, end)) {
      await file.appendFile(piece.data)
      sizeBytes += piece.data.length
      resourceVersion = piece.resourceVersion
      progress.show(`received ${exactSize(sizeBytes)}`)
    }
    await file.sync()
  } catch (error) {
    if (!end.aborted) throw error
    const { timeoutMs } = session
    throw new KeelsonError('DEADLINE_EXCEEDED', `no backup within ${duration(timeoutMs)}`)
  } finally {
    progress.clear()
    await file.close()
  }
  if (sizeBytes === 0) throw new KeelsonError('DATA_LOSS', 'the coordinator sent an empty backup')
  return { sizeBytes, resourceVersion }
}
