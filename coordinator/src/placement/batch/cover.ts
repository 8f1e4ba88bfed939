/** The most backups for machines that run where they run: a maximum flow from groups to hosts. */
import type { PairPlan, PairProblem } from './pairs.ts'

/** Backs up as many of the running machines of a plan as possible. */
export type Cover = (plan: PairPlan) => void

/** A cover for plans of a problem. */
export function createCover(problem: PairProblem): Cover {
  const chain = createChain(problem)
  return (plan) => {
    coverPlainly(problem, plan)
    while (chain(plan));
  }
}

/** Backs up what fits directly, spread thinly, so that groups and hosts stay open to each other. */
function coverPlainly(problem: PairProblem, plan: PairPlan): void {
  const { covered, wanted } = plan
  for (let more = true; more; ) {
    more = false
    for (let group = 0; group < problem.groupCount; group++) {
      if (covered[group]! >= wanted[group]!) continue
      const host = emptiest(problem, plan, group)
      if (host < 0) continue
      plan.back(host, group, 1)
      more = true
    }
  }
}

/** The host with most spare replicas of those that can back up one machine more; -1 if none. */
function emptiest(problem: PairProblem, plan: PairPlan, group: number): number {
  const { groupCount, hostCount, replicas, room } = problem
  const { backups, held, running } = plan
  let best = -1
  let most = 0
  for (let host = 0; host < hostCount; host++) {
    const spare = replicas[host]! - running[host]! - held[host]!
    if (spare <= most) continue
    const cell = host * groupCount + group
    if (backups[cell]! + running[host]! >= room[cell]!) continue
    best = host
    most = spare
  }
  return best
}

const UNSEEN = -2
const START = -1

/** Backs up one machine more by moving backups of others along a shortest chain; false if none. */
function createChain({ groupCount, hostCount, replicas, room }: PairProblem): Improve {
  const hostFrom = new Int32Array(hostCount)
  const groupFrom = new Int32Array(groupCount)
  const queue = new Int32Array(groupCount)

  /** Goes from groups that lack backups to those they could push out, up to a host with room. */
  function search({ backups, covered, held, running, wanted }: PairPlan): number {
    hostFrom.fill(UNSEEN)
    groupFrom.fill(UNSEEN)
    let length = 0
    for (let group = 0; group < groupCount; group++) {
      if (covered[group]! >= wanted[group]!) continue
      groupFrom[group] = START
      queue[length++] = group
    }
    for (let next = 0; next < length; next++) {
      const group = queue[next]!
      for (let host = 0; host < hostCount; host++) {
        const row = host * groupCount
        if (hostFrom[host]! !== UNSEEN) continue
        if (backups[row + group]! + running[host]! >= room[row + group]!) continue
        hostFrom[host] = group
        if (held[host]! + running[host]! < replicas[host]!) return host
        for (let other = 0; other < groupCount; other++) {
          if (groupFrom[other]! !== UNSEEN || backups[row + other] === 0) continue
          groupFrom[other] = host
          queue[length++] = other
        }
      }
    }
    return -1
  }
  return (plan) => {
    let host = search(plan)
    if (host < 0) return false
    for (;;) {
      const group = hostFrom[host]!
      plan.back(host, group, 1)
      host = groupFrom[group]!
      if (host === START) return true
      plan.back(host, group, -1)
    }
  }
}

type Improve = (plan: PairPlan) => boolean
