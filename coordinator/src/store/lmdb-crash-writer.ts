/**
 * The victim of `lmdb-crash.test.ts`: commits as fast as it can, many at a time, and prints each
 * number once it is acknowledged, until somebody kills it. Numbers go on where the store left off.
 */
import { openLmdbStore } from './lmdb.ts'
import type { Transaction } from './store.ts'

const IN_FLIGHT = 16

/** Transaction `n`: two records of its own, and a token that moves from one key to the next. */
function transaction(n: number): Transaction {
  return {
    guards: [{ key: `left/${n}`, modRevision: 0 }],
    operations: [
      { type: 'put', key: `left/${n}`, value: `${n}`.padEnd(n % 3000, '.') },
      { type: 'put', key: `right/${n}`, value: `${n}` },
      { type: 'delete', key: `token/${n - 1}` },
      { type: 'put', key: `token/${n}`, value: `${n}` },
    ],
  }
}

const store = await openLmdbStore({ directory: process.argv[2] as string })
let next = store.revision + 1

async function writeForEver(): Promise<never> {
  for (;;) {
    const n = next++
    await store.commit(transaction(n))
    process.stdout.write(`${n}\n`)
  }
}

await Promise.all(Array.from({ length: IN_FLIGHT }, writeForEver))
