import { resolve } from 'node:path'
import { KeelsonError } from '@keelson/shared/errors'
import { argument, defineVerb, required, text } from '../../verb/index.ts'

/**
 * `cluster restore`. The one verb that needs no coordinator, but its files: they belong to the
 * coordinator's program, which this one must not import. The launcher hands the verb over to that
 * program before it gets here; whoever comes past the launcher is told what to run.
 */
export const restore = defineVerb({
  name: 'restore',
  summary: "put a backup in place of a stopped coordinator's store",
  description:
    'Runs on the host of the coordinator, with the coordinator stopped. The store that was there ' +
    'is kept beside it.',
  args: { file: argument('the backup', 'file') },
  flags: {
    data: required(text('directory', "the coordinator's data directory", { complete: 'file' })),
  },
  examples: ['cluster restore keelson.backup --data .keelson/coordinator'],
  async run({ args, flags, session }) {
    const { directory } = session.terminal
    const file = resolve(directory, args.file)
    const data = resolve(directory, flags.data)
    throw new KeelsonError('UNIMPLEMENTED', 'a backup is restored by the coordinator itself', {
      details: [
        'stop the coordinator, then run on its host:',
        `  keelson-coordinator restore --data ${data} ${file}`,
      ],
    })
  },
})
