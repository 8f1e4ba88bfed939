/** What the verbs of golden scripts share. */
import { RACK_LABEL } from '@keelson/shared/model'
import type { ScriptCommand } from '@keelson/shared/testing'
import type { Command } from '../decide/index.ts'
import { showDecision, showPlacement } from './show.ts'
import type { Fields, World } from './world.ts'

/** What a line of a script does; `words` are those after the verb. */
export type Verb = (world: World, command: ScriptCommand, words: readonly string[]) => string

/** Decides a command and shows what it did; of a dry run, where things would go. */
export function submit<T extends Command['type']>(
  world: World,
  type: T,
  subject: string,
  fields: Fields<T>,
): string {
  const command = { type, stamp: world.stamp(subject), ...fields } as unknown as Command
  const decision = world.decide(command)
  return command.dryRun ? showPlacement(decision) : showDecision(decision, world.state)
}

/** The parts of a text with commas. */
export function list(text: string | undefined): string[] {
  return text === undefined || text === '' ? [] : text.split(',')
}

/** Labels from texts such as "tier=gold". */
export function pairs(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [key = '', value = ''] = text.split('=')
      return [longKey(key), value]
    }),
  )
}

/** Scripts say "rack" for the label racks have. */
export function longKey(key: string): string {
  return key === 'rack' ? RACK_LABEL : key
}
