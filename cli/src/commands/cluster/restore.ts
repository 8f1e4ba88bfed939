/**
 * `cluster restore` is the one verb that talks to no coordinator: it works on the data directory of
 * a stopped one. The store belongs to the coordinator's program, which this one must not import, so
 * whoever starts the command line hands in the way to do it; without one, the verb says what to run.
 */
import { access, constants } from 'node:fs/promises'
import { resolve } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { outcomeView } from '../../resource/index.ts'
import { argument, defineVerb, mutating, required, text, type Verb } from '../../verb/index.ts'

/** What to restore, and where. */
export interface RestoreRequest {
  /** Absolute path of a backup. */
  readonly file: string
  /** Absolute path of the data directory; a store in it is set aside, never destroyed. */
  readonly dataDirectory: string
  /** Only check that it would work. */
  readonly dryRun: boolean
}

/**
 * Restores a backup and returns a sentence about it, without a full stop. Raises what is wrong with
 * the file or the directory, or FAILED_PRECONDITION while a coordinator uses the directory.
 */
export type RestoreCluster = (request: RestoreRequest) => Promise<string>

/** The verb, with the way to do it. */
export function restore(restoreCluster: RestoreCluster = explain): Verb {
  return defineVerb({
    name: 'restore',
    summary: "put a backup in place of a stopped coordinator's store",
    description:
      'Runs on the host of the coordinator, with the coordinator stopped. The store that was there ' +
      'is kept beside it.',
    args: { file: argument('the backup', 'file') },
    flags: {
      data: required(text('directory', "the coordinator's data directory", { complete: 'file' })),
      ...mutating,
    },
    examples: ['cluster restore keelson.backup --data .keelson'],
    async run({ args, flags, session }) {
      const { directory } = session.terminal
      const file = resolve(directory, args.file)
      const dataDirectory = resolve(directory, flags.data)
      await access(file, constants.R_OK).catch((cause: NodeJS.ErrnoException) => {
        throw new KeelsonError('NOT_FOUND', `cannot read ${args.file} (${cause.code})`)
      })
      const request = { file, dataDirectory, dryRun: flags.dryRun }
      const outcome = await restoreCluster(request)
      const json = { file, dataDirectory, message: outcome }
      await session.print({ ...outcomeView(flags.data, outcome, json), names: [] })
    },
  })
}

const explain: RestoreCluster = async ({ file, dataDirectory, dryRun }) => {
  const command = ['./keelson-coordinator', 'restore', '--data', dataDirectory, file]
  throw new KeelsonError('UNIMPLEMENTED', 'a backup is restored by the coordinator itself', {
    details: [
      'stop the coordinator, then run on its host:',
      `  ${[...command, ...(dryRun ? ['--dry-run'] : [])].join(' ')}`,
    ],
  })
}
