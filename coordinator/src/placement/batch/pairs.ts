/**
 * Copies of one machine whose data lies on two hosts: it runs on the one, the other keeps room for
 * it. This shape is common, and it has a structure that makes the best filling nearly computable:
 * a host that runs x of them and backs up k from a group of hosts that fail together needs room for
 * x + k, and room for x + y replicas if it backs up y in all.
 */

/** How many pairs hosts can take, in whole machines. */
export interface PairProblem {
  readonly hostCount: number
  readonly groupCount: number
  /** Hosts of one group are the same for whoever backs them up: they fail together. By host. */
  readonly groupOf: Int32Array
  /** Most machines that may run on a host. */
  readonly primaries: Int32Array
  /** Most replicas that a host may hold. */
  readonly replicas: Int32Array
  /**
   * Most machines that may run on a host and be backed up there from one group, together; at least
   * `primaries`, or 0 if the group may not be backed up there. By `host * groupCount + group`.
   */
  readonly room: Int32Array
}

/** Pairs that obey a problem, and changes to them. */
export interface PairPlan {
  /** Machines that run on each host, of which not all need have a backup. */
  readonly running: Int32Array
  /** Machines backed up, by `host * groupCount + group`. */
  readonly backups: Int32Array
  /** Machines with a backup, by group of the host they run on. */
  readonly covered: Int32Array
  /** Machines backed up, by host. */
  readonly held: Int32Array
  /** Machines that run, by group. */
  readonly wanted: Int32Array
  /** Machines with a backup. */
  readonly total: number
  /** Lets a host back up more machines of a group, or fewer, whether it has room or not. */
  back(host: number, group: number, more: number): void
  /** Lets a host run this many; backups for which no room is left are dropped. */
  run(host: number, count: number): void
  /** Running machines without backup are given up. */
  trim(): void
  /** Becomes equal to a plan of the same problem. */
  copyFrom(plan: PairPlan): void
}

/** A plan in which nothing runs. */
export function createPairPlan(problem: PairProblem): PairPlan {
  const { groupCount, groupOf, hostCount } = problem
  const running = new Int32Array(hostCount)
  const backups = new Int32Array(hostCount * groupCount)
  const covered = new Int32Array(groupCount)
  const held = new Int32Array(hostCount)
  const wanted = new Int32Array(groupCount)
  let total = 0
  const plan: PairPlan = {
    running,
    backups,
    covered,
    held,
    wanted,
    get total() {
      return total
    },
    back(host, group, more) {
      backups[host * groupCount + group]! += more
      covered[group]! += more
      held[host]! += more
      total += more
    },
    run(host, count) {
      wanted[groupOf[host]!]! += count - running[host]!
      running[host] = count
      dropFrom(problem, plan, host)
      dropOf(problem, plan, groupOf[host]!)
    },
    trim() {
      for (let host = 0; host < hostCount; host++) {
        const group = groupOf[host]!
        const surplus = Math.min(running[host]!, wanted[group]! - covered[group]!)
        running[host]! -= surplus
        wanted[group]! -= surplus
      }
    },
    copyFrom(other) {
      running.set(other.running)
      backups.set(other.backups)
      covered.set(other.covered)
      held.set(other.held)
      wanted.set(other.wanted)
      total = other.total
    },
  }
  return plan
}

/** Drops what a host has no room to back up. */
function dropFrom({ groupCount, replicas, room }: PairProblem, plan: PairPlan, host: number): void {
  const { backups, held, running } = plan
  const row = host * groupCount
  for (let group = 0; group < groupCount; group++) {
    const excess = backups[row + group]! - Math.max(0, room[row + group]! - running[host]!)
    if (excess > 0) plan.back(host, group, -excess)
  }
  for (let group = 0; group < groupCount; group++) {
    const excess = held[host]! + running[host]! - replicas[host]!
    if (excess <= 0) return
    plan.back(host, group, -Math.min(excess, backups[row + group]!))
  }
}

/** Drops backups of machines of a group that no longer run. */
function dropOf({ groupCount, hostCount }: PairProblem, plan: PairPlan, group: number): void {
  const { backups, covered, wanted } = plan
  for (let host = 0; host < hostCount; host++) {
    const excess = covered[group]! - wanted[group]!
    if (excess <= 0) return
    plan.back(host, group, -Math.min(excess, backups[host * groupCount + group]!))
  }
}
