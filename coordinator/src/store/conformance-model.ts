/**
 * The store as a plain map, and the properties by which an engine is held against it. Part of
 * `conformance.ts`.
 */
import { deepStrictEqual, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { type Change, type Guard, type Operation, readAll, type Store } from './store.ts'

/** One transaction of a run. */
export interface Step {
  /** Whether each guard holds: it names the record as it stands after all earlier steps, or not. */
  readonly guards: readonly { readonly key: string; readonly holds: boolean }[]
  readonly operations: readonly Operation[]
  /** Whether the next step is only called once this one has settled. */
  readonly wait: boolean
  /** Whether the store is reopened before the next step. */
  readonly reopen: boolean
}

const keys = fc.constantFrom('a', 'b', 'b/1', 'b/2', 'c', 'c~', 'd')
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('put' as const), key: keys, value: fc.string() }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('delete' as const), key: keys }) },
)

/** A run of transactions on few keys, so that they meet. */
export const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    guards: fc.array(fc.record({ key: keys, holds: fc.boolean() }), { maxLength: 2 }),
    operations: fc.uniqueArray(operation, { selector: ({ key }) => key, maxLength: 4 }),
    wait: fc.boolean(),
    reopen: fc.nat(15).map((roll) => roll === 0),
  }),
  { minLength: 1, maxLength: 40 },
)

/** The model's account of one change: which step made it is known, its revision only later. */
interface Effect {
  readonly step: number
  readonly key: string
  readonly value: string | undefined
}

/** What a store is, without any engine: a map from key to value and the step that wrote it. */
function createModel() {
  const records = new Map<string, { readonly value: string; readonly step: number }>()
  return {
    records,
    apply(step: number, { guards, operations }: Step): Effect[] {
      if (!guards.every(({ holds }) => holds)) return []
      const effects: Effect[] = []
      for (const operation of operations) {
        const { key } = operation
        const value = operation.type === 'put' ? operation.value : undefined
        if (value !== undefined) records.set(key, { value, step })
        else if (!records.delete(key)) continue
        effects.push({ step, key, value })
      }
      return effects
    },
  }
}

/** Runs the steps on a new store and on the model. Raises AssertionError where they differ. */
export async function checkAgainstModel(
  fixture: { readonly store: Store; reopen(): Promise<Store> },
  run: readonly Step[],
): Promise<void> {
  let { store } = fixture
  const model = createModel()
  // A revision, or the code the step was refused with.
  const results: Promise<number | string>[] = []
  let effects: Effect[] = []
  let acknowledged = store.revision
  let watchFrom = store.revision + 1
  const revisionOf = async (step: number) => (await results[step]) as number

  async function guardsOf({ guards }: Step): Promise<Guard[]> {
    const found: Guard[] = []
    for (const { key, holds } of guards) {
      const record = model.records.get(key)
      const actual = record ? await revisionOf(record.step) : 0
      found.push({ key, modRevision: holds ? actual : actual === 0 ? 1 : 0 })
    }
    return found
  }

  async function checkWatch(): Promise<void> {
    const expected: Change[] = []
    for (const { step, key, value } of effects)
      expected.push({ revision: await revisionOf(step), key, value })
    const seen: Change[] = []
    if (expected.length > 0)
      for await (const batch of store.watch('', watchFrom, new AbortController().signal)) {
        seen.push(...batch)
        if (seen.length >= expected.length) break
      }
    deepStrictEqual(seen, expected, 'SAFETY: a watch shows every change once and in order')
  }

  async function checkRecords(): Promise<void> {
    const expected = []
    for (const [key, { value, step }] of [...model.records].sort(([a], [b]) => (a < b ? -1 : 1)))
      expected.push({ key, value, modRevision: await revisionOf(step) })
    await Promise.all(results)
    const { records } = await readAll(store, '')
    deepStrictEqual(records, expected, 'SAFETY: transactions are atomic and durable')
  }

  for (const [index, step] of run.entries()) {
    const transaction = { guards: await guardsOf(step), operations: step.operations }
    results.push(store.commit(transaction).catch((error) => error.code))
    const made = model.apply(index, step)
    effects.push(...made)
    if (!step.wait && !step.reopen) continue
    await Promise.all(results)
    if (made.length > 0)
      ok((await revisionOf(index)) > acknowledged, 'SAFETY: a later change has a later revision')
    acknowledged = store.revision
    if (!step.reopen) continue
    await checkWatch()
    store = await fixture.reopen()
    effects = []
    watchFrom = store.revision + 1
    await checkRecords()
  }
  const settled = await Promise.all(results)
  deepStrictEqual(
    settled.map((result) => result === 'ABORTED'),
    run.map(({ guards }) => guards.some(({ holds }) => !holds)),
    'SAFETY: exactly the transactions with a guard that does not hold are refused',
  )
  const revisions = settled.filter((result) => typeof result === 'number')
  deepStrictEqual(
    revisions,
    revisions.toSorted((a, b) => a - b),
    'SAFETY: revisions rise in the order of the calls',
  )
  await checkRecords()
  await checkWatch()
}
