/** `keelson completion`. */
import { completionScript, SHELLS } from '../../completion/index.ts'
import { usageError } from '../../errors/index.ts'
import { argument, defineVerb } from '../../verb/index.ts'

/** The noun, which is a verb. */
export const completion = defineVerb({
  name: 'completion',
  summary: 'print a completion script for a shell',
  description:
    'Nouns, verbs, flags and their values are completed, and names of what is there: those are ' +
    'asked of the cluster, which gets one second to answer.',
  args: { shell: argument('bash, zsh or fish', SHELLS) },
  examples: [
    'completion bash > /etc/bash_completion.d/keelson',
    'completion zsh > /usr/local/share/zsh/site-functions/_keelson',
    'completion fish > ~/.config/fish/completions/keelson.fish',
  ],
  async run({ args: { shell }, session }) {
    const known = SHELLS.find((each) => each === shell)
    if (known === undefined)
      throw usageError(`there is no completion for "${shell}"`, `it is one of ${SHELLS.join(', ')}`)
    session.terminal.stdout.write(completionScript(known))
  },
})
