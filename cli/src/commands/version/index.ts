/** `keelson version`. */
import { readFileSync } from 'node:fs'
import { defineVerb } from '../../verb/index.ts'

/** Version of this program, from its package. */
export function programVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** The noun, which is a verb. */
export const version = defineVerb({
  name: 'version',
  summary: 'version of this program',
  description: "The coordinator's own version is in cluster status.",
  examples: ['version', 'version -o json'],
  async run({ session }) {
    const number = programVersion()
    await session.print({
      json: { version: number, node: process.version },
      names: [`keelson/${number}`],
      human: () => `keelson ${number}\n`,
    })
  },
})
