/** An honest, simple engine, so that the measurements can be tested without the real one. */
import type { Pair, PlacementContender } from './contender.ts'
import type { GanetiCluster, GanetiInstance, Request } from './ganeti.ts'
import { createGanetiGreedy } from './ganeti-greedy.ts'
import { ganetiScore } from './ganeti-score.ts'
import { createLedger, withInstances } from './ledger.ts'
import { type Step, stepsOf } from './steps.ts'

/** Places as Ganeti does, and balances with a few moves of mirrors. */
export const greedyContender: PlacementContender = {
  name: 'greedy',
  fill(cluster, wanted) {
    const placer = createGanetiGreedy(cluster)
    const pairs: Pair[] = []
    for (let pair = placer.allocate(wanted); pair !== null; pair = placer.allocate(wanted))
      pairs.push(pair)
    return pairs
  },
  place: createGanetiGreedy,
  batch(cluster, wanted) {
    const placer = createGanetiGreedy(cluster)
    return wanted.map((one) => placer.allocate(one))
  },
  evacuate(cluster, node) {
    let instances = cluster.instances
    for (const [row, one] of instances.entries()) {
      if (one.primary !== node && one.secondary !== node) continue
      const survivor = one.primary === node ? one.secondary : one.primary
      instances = instances.with(row, mirrored(withInstances(cluster, instances), one, survivor))
    }
    return [...instances]
  },
  rebalance(cluster) {
    const steps: Step[] = []
    for (let now = cluster; steps.length < 3; now = stepsOf(cluster, steps).at(-1)!) {
      const next = bestSwap(now)
      if (next === undefined) break
      steps.push(next)
    }
    return steps
  },
}

/** The instance on its survivor with a second node that has room; as it was when there is none. */
function mirrored(cluster: GanetiCluster, one: GanetiInstance, survivor: string): GanetiInstance {
  const others = cluster.instances.filter(({ name }) => name !== one.name)
  const ledger = createLedger(withInstances(cluster, others))
  const primary = ledger.indexOf.get(survivor)!
  const wanted: Request = one
  const second = ledger.nodes.find(({ index }) => ledger.fits(primary, index, wanted))
  return second === undefined ? one : { ...one, primary: survivor, secondary: second.node.name }
}

function bestSwap(cluster: GanetiCluster): Step | undefined {
  let [best, found]: [number, Step | undefined] = [ganetiScore(cluster), undefined]
  for (const { name, template } of cluster.instances) {
    if (template !== 'drbd') continue
    const step: Step = { instance: name, moves: ['f'] }
    const [state] = stepsOf(cluster, [step])
    const ledger = createLedger(state!)
    const breaks = ledger.nodes.some((one) => one.freeMemMib <= one.reservedMib)
    const score = ganetiScore(state!)
    if (breaks || score >= best) continue
    best = score
    found = step
  }
  return found
}
