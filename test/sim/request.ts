/** What clients ask, and what they were told. */
import type { Term } from '@keelson/coordinator/api'
import type { Command } from '@keelson/coordinator/decide'
import { KeelsonError } from '@keelson/shared/errors'
import { sleep } from '@keelson/shared/runtime'
import type { World } from './world.ts'

/** What a client was told about one name. */
export interface Expectation {
  readonly kind: 'volume' | 'snapshot' | 'machine'
  readonly name: string
  /** Deleted: the deletion was acknowledged. */
  state: 'present' | 'deleted'
  sizeBytes: number
}

/** Everything the clients were told. */
export type Expectations = Map<string, Expectation>

/**
 * Asks until there is an answer. True: acknowledged. False: refused, and nothing was changed; a
 * deletion that finds nothing any more was acknowledged by an answer that got lost.
 */
export async function request(world: World, make: (term: Term) => Command): Promise<boolean> {
  for (let answerLost = false; ; answerLost = true) {
    const { incarnation } = world
    try {
      const term = world.coordinator()?.()
      if (!term) throw new KeelsonError('UNAVAILABLE', 'no coordinator runs')
      const command = make(term)
      await term.pipeline.submit(command)
      if (world.incarnation === incarnation) return true
    } catch (error) {
      if (world.incarnation === incarnation) {
        const known = KeelsonError.from(error)
        if (known.code === 'INTERNAL') throw error
        if (known.code === 'NOT_FOUND') return answerLost
        if (known.code !== 'UNAVAILABLE') return false
      }
    }
    await sleep(world.clock, 200)
  }
}
