/** Rules about one host and a machine, but for neighbours and countable resources. */
import {
  type ComputeDemand,
  type ConfidentialMode,
  REPLICATION_CAPABILITY,
  type VirtualMachineDemand,
} from '@keelson/shared/model'
import { type FleetView, NETWORK_LABEL_PREFIX, type Rule } from '../view/index.ts'
import { missingFeatures, modelObstacle } from './cpu-models.ts'
import { hostRules, selectionRules } from './host-rules.ts'
import type { PlacedThing } from './neighbours.ts'
import { fitNuma } from './numa.ts'

/** Rules that depend on the record and inventory of the host alone. */
export function standingMachineRules(view: FleetView, demand: VirtualMachineDemand): Rule[] {
  const { compute, networks, rules } = demand
  return [
    ...selectionRules(view, rules),
    ...hostRules(view, rules.tolerations),
    {
      name: 'capacity-known',
      check: (host) =>
        view.capacityKnown(host) ? null : 'node has not said how much CPU and memory it has',
    },
    {
      name: 'hypervisor',
      check: (host) => (view.facts(host).kvm ? null : 'node cannot run machines (no KVM)'),
    },
    ...processorRules(view, compute),
    ...extraRules(view, compute),
    ...networks.map((network) => networkRule(view, network)),
  ]
}

function processorRules(view: FleetView, compute: ComputeDemand): Rule[] {
  const { architecture: wanted, cpuFeatures, cpuModel } = compute
  const known = (host: number) => {
    const { cpuFlags, cpuVendor } = view.facts(host)
    return { labels: view.fleet.hosts[host]!.labels, vendor: cpuVendor, flags: cpuFlags }
  }
  const found: Rule[] = [
    {
      name: 'architecture',
      check(host) {
        // A host that has not reported yet is taken for what nearly all are.
        const { architecture = 'amd64' } = view.facts(host)
        const needed = wanted || 'amd64'
        return architecture === needed ? null : `node is ${architecture}, needs ${needed}`
      },
    },
  ]
  if (!['', 'host-model', 'host-passthrough'].includes(cpuModel))
    found.push({ name: 'cpu-model', check: (host) => modelObstacle(cpuModel, known(host)) })
  if (cpuFeatures.length > 0)
    found.push({
      name: 'cpu-features',
      check(host) {
        const missing = missingFeatures(cpuFeatures, known(host))
        if (!missing) return 'CPU features of the node are not known'
        return missing.length > 0 ? `CPU lacks ${missing.join(', ')}` : null
      },
    })
  return found
}

const CONFIDENTIAL_FLAGS: Readonly<Record<ConfidentialMode, string>> = {
  SEV: 'sev',
  SEV_ES: 'sev_es',
  SEV_SNP: 'sev_snp',
  TDX: 'tdx_host_platform',
}

function extraRules(view: FleetView, { confidentialMode, tpm }: ComputeDemand): Rule[] {
  const found: Rule[] = []
  if (tpm)
    found.push({
      name: 'tpm',
      check: (host) => (view.facts(host).tpm ? null : 'node does not say that it has a TPM'),
    })
  if (confidentialMode !== undefined) {
    const flag = CONFIDENTIAL_FLAGS[confidentialMode]
    found.push({
      name: 'confidential',
      check: (host) =>
        view.facts(host).cpuFlags?.has(flag)
          ? null
          : `node does not say that it has ${confidentialMode} (CPU feature ${flag})`,
    })
  }
  return found
}

function networkRule(view: FleetView, network: string): Rule {
  const label = `${NETWORK_LABEL_PREFIX}${network}`
  return {
    name: 'network',
    check(host) {
      const said = view.fleet.hosts[host]!.labels[label]
      if (said !== undefined ? said !== 'false' : view.facts(host).links.has(network)) return null
      return `node does not reach network "${network}" (no label ${label}, no such bridge)`
    },
  }
}

/** Rules that depend on what stands on the host. */
export function movingMachineRules(
  view: FleetView,
  name: string,
  demand: VirtualMachineDemand,
  overcommitPercent: number,
  others: readonly PlacedThing[],
): Rule[] {
  const { compute } = demand
  const found = demand.volumes.flatMap((volume) => reachRule(view, volume) ?? [])
  if (compute.numaPolicy !== 'Any')
    found.push({
      name: 'numa',
      check(host) {
        const fit = fitNuma(view, host, compute, overcommitPercent, name, others)
        return 'reason' in fit ? fit.reason : null
      },
    })
  return found
}

/** A volume without DRBD is only where its data is; one with it, wherever DRBD is. */
function reachRule({ fleet, nodes, state }: FleetView, name: string): Rule | undefined {
  const replicas = state.volumes.get(name)?.status.replicas
  if (!replicas) return undefined
  const replicated = replicas.some(({ drbdMinor }) => drbdMinor !== undefined)
  const with_ = new Set(replicas.flatMap(({ node, role }) => (role === 'Diskful' ? [node] : [])))
  return {
    name: 'volume-reach',
    check(host) {
      const node = nodes[host]
      if (with_.has(fleet.hosts[host]!.name)) return null
      if (!replicated) return `volume "${name}" is only on ${[...with_].join(', ')}`
      if (node?.status.capabilities.includes(REPLICATION_CAPABILITY)) return null
      return `node cannot reach volume "${name}" (no DRBD)`
    },
  }
}
