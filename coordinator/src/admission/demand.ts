/** What can be said without the state about demands that nobody stores: questions to placement. */
import {
  checkName,
  type Flavor,
  type VirtualMachineDemand,
  type VolumeDemand,
} from '@keelson/shared/model'
import { checkCompute, MOST_DISKS, MOST_NEW_VOLUMES } from './machine.ts'
import { admitReplicaRules, admitRules, at, checkLength, refuse } from './rules.ts'
import { checkReplicas, checkSize } from './volume.ts'

const MOST_NETWORKS = 32
const LONGEST_FLAVOR_NAME = 253

/** A volume that could be made, in whole blocks; INVALID_ARGUMENT with the field's path. */
export function admitVolumeDemand(demand: VolumeDemand, path: string): VolumeDemand {
  const { pool, replicaRules, replicas, rules, sizeBytes, storageClass, tenant } = demand
  const names = { storage_class: storageClass, pool, tenant }
  for (const [field, name] of Object.entries(names))
    if (name !== '') at(`${path}.${field}`, () => checkName(field, name))
  at(`${path}.replicas`, () => checkReplicas(replicas))
  return {
    ...demand,
    sizeBytes: at(`${path}.size_bytes`, () => checkSize(sizeBytes)),
    rules: admitRules(rules, `${path}.rules`),
    replicaRules: admitReplicaRules(replicaRules, `${path}.replica_rules`),
  }
}

/** A machine that could be made; INVALID_ARGUMENT with the field's path. */
export function admitMachineDemand(
  demand: VirtualMachineDemand,
  path: string,
): VirtualMachineDemand {
  const { compute, networks, newVolumes, rules, tenant, volumes } = demand
  checkCompute(compute, `${path}.compute`)
  checkLength(`${path}.networks`, networks, MOST_NETWORKS)
  checkLength(`${path}.volumes`, volumes, MOST_DISKS)
  checkLength(`${path}.new_volumes`, newVolumes, MOST_NEW_VOLUMES)
  for (const [index, name] of networks.entries())
    at(`${path}.networks[${index}]`, () => checkName('network', name))
  for (const [index, name] of volumes.entries())
    at(`${path}.volumes[${index}]`, () => checkName('volume', name))
  if (tenant !== '') at(`${path}.tenant`, () => checkName('tenant', tenant))
  return {
    ...demand,
    rules: admitRules(rules, `${path}.rules`),
    newVolumes: newVolumes.map((volume, index) =>
      admitVolumeDemand(volume, `${path}.new_volumes[${index}]`),
    ),
  }
}

/** A flavor of what could be made; INVALID_ARGUMENT with the field's path. */
export function admitFlavor({ demand, name }: Flavor, path: string): Flavor {
  if (name.length > LONGEST_FLAVOR_NAME)
    refuse(`${path}.name`, `${name.length} characters, at most ${LONGEST_FLAVOR_NAME} are possible`)
  return {
    name,
    demand:
      demand.type === 'Volume'
        ? { type: 'Volume', volume: admitVolumeDemand(demand.volume, `${path}.volume`) }
        : {
            type: 'VirtualMachine',
            virtualMachine: admitMachineDemand(demand.virtualMachine, `${path}.virtual_machine`),
          },
  }
}
