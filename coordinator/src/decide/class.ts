import { KeelsonError } from '@keelson/shared/errors'
import type { StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision } from './draft.ts'
import { conflicting, differences, found, newMeta } from './lookup.ts'

/** Creates a storage class. */
export function decideCreateClass(state: StateView, command: CommandOf<'CreateClass'>): Decision {
  const { name, labels, spec, stamp } = command
  const draft = createDraft(state, stamp)
  const existing = state.classes.get(name)
  if (existing) {
    const changed = differences(existing.spec, spec)
    if (changed.length > 0) conflicting('class', name, changed)
    return draft.decision({ name })
  }
  draft.put('class', name, { meta: newMeta(name, labels, stamp), spec })
  draft.event('Normal', 'ClassCreated', `class/${name}`, `${spec.replicas} replicas`)
  return draft.decision({ name })
}

/** Deletes a class no volume uses. */
export function decideDeleteClass(state: StateView, command: CommandOf<'DeleteClass'>): Decision {
  const { name, stamp } = command
  found(state.classes.get(name), 'class', name)
  let users = 0
  for (const volume of state.volumes.values()) if (volume.spec.storageClass === name) users++
  if (users > 0)
    throw new KeelsonError('FAILED_PRECONDITION', `class "${name}" is used by ${users} volumes`, {
      reason: 'in-use',
    })
  const draft = createDraft(state, stamp)
  draft.remove('class', name)
  draft.event('Normal', 'ClassDeleted', `class/${name}`, 'deleted')
  return draft.decision({ name })
}
