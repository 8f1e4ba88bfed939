/** `make sim`: many seeds, or one with its story. */
import { parseArgs } from 'node:util'
import { simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
  },
})
const one = values.seed !== undefined
const first = Number(values.seed ?? values.from)
const count = one ? 1 : Number(values.seeds)
let failed = 0
let acknowledged = 0
let crashes = 0
let losses = 0
for (let seed = first; seed < first + count; seed++) {
  const verdict = await simulate(seed)
  acknowledged += verdict.acknowledged
  crashes += verdict.crashes
  losses += verdict.losses
  if (verdict.problems.length === 0 && !one) continue
  if (one) for (const line of verdict.trace) process.stdout.write(`${line}\n`)
  for (const problem of verdict.problems) process.stdout.write(`  PROBLEM ${problem}\n`)
  if (verdict.problems.length === 0) continue
  failed++
  process.stdout.write(`seed ${seed} fails; see it again with: make sim SEED=${seed}\n`)
}
process.stdout.write(
  `simulated ${count} seeds: ${acknowledged} acknowledged creations, ${crashes} coordinator crashes, ${losses} lost snapshots, ${failed} failed\n`,
)
process.exitCode = failed === 0 ? 0 : 1
