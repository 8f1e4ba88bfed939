/** The loss of a node, in Keelson's engine. */
import { applyChoice, createChooser } from '../../../coordinator/src/placement/choose/index.ts'
import type { Pair } from './contender.ts'
import type { GanetiCluster, GanetiInstance } from './ganeti.ts'
import { loadCluster, putInstance } from './keelson-fleet.ts'
import { createMasks, pairOf, requestOf } from './keelson-request.ts'

/** Outweighs all that an engine may hold against a host. */
const STRONGLY = 1000

/**
 * The survivor runs what it mirrored; then a new mirror is chosen for each, large ones first. What
 * finds no place that keeps the survivor's data stays as it was.
 */
export function evacuate(cluster: GanetiCluster, dead: string): GanetiInstance[] {
  const loaded = loadCluster(cluster)
  const { fleet, nodes } = loaded
  const chooser = createChooser(fleet)
  const masks = createMasks(cluster, loaded)
  const affected = cluster.instances
    .filter(({ primary, secondary }) => primary === dead || secondary === dead)
    .filter(({ template }) => template === 'drbd')
    .toSorted((a, b) => b.memMib - a.memMib)
  const alone = (instance: GanetiInstance): GanetiInstance => {
    const primary = instance.primary === dead ? instance.secondary : instance.primary
    return { ...instance, primary, secondary: primary, autoBalance: false }
  }
  for (const instance of affected) putInstance(fleet, alone(instance))
  const pairs = new Map<string, Pair>()
  for (const [seed, instance] of affected.entries()) {
    const survivor = fleet.hostRow(alone(instance).primary)
    fleet.removeMachine(instance.name)
    fleet.removeVolume(instance.name)
    const preference = new Float64Array(nodes.length)
    preference[survivor] = STRONGLY
    const mask = masks.groupOf(survivor)
    const request = { ...requestOf(instance, mask, instance.name, seed), preference }
    const choice = chooser.choose(request)
    if (choice?.host === survivor || choice?.standby === survivor) {
      applyChoice(fleet, request, choice)
      pairs.set(instance.name, pairOf(nodes, choice))
    } else putInstance(fleet, alone(instance))
  }
  return cluster.instances.map((instance) => ({ ...instance, ...pairs.get(instance.name) }))
}
