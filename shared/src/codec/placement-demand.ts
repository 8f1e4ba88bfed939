import type * as pb from '../gen/keelson/v1/placement_demand.ts'
import type {
  AffinityRule,
  AffinityTarget,
  ComputeDemand,
  ConfidentialMode,
  CpuPolicy,
  DeviceDemand,
  GroupRule,
  NumaPolicy,
  PlacementRules,
  ReplicaRule,
  RuleRelation,
  RuleStrength,
  TieBreakerMode,
  Toleration,
  VirtualMachineDemand,
  VolumeDemand,
  VolumeLocality,
} from '../model/index.ts'
import { NO_RULES } from '../model/index.ts'
import { taintEffectCodec } from './node.ts'
import {
  bool,
  type Codec,
  defaulting,
  int64,
  list,
  number,
  oneOf,
  optional,
  optionalOneOf,
  record,
  required,
  text,
  texts,
} from './record.ts'
import { failureDomainModeCodec, poolKindCodec } from './storage.ts'

/** A count or a weight, where 0 means 1. */
const atLeastOne = defaulting(number, 0, 1)

const relation = oneOf<pb.RuleRelation, RuleRelation>({ 1: 'Together', 2: 'Apart' })

const strength = defaulting(
  oneOf<pb.RuleStrength, RuleStrength>({ 1: 'Required', 2: 'Preferred' }),
  0,
  'Required',
)

const tolerationCodec = record<pb.Toleration, Toleration>({
  key: text,
  value: optional(text),
  effect: {
    read: (value, path) => (value === '' ? undefined : taintEffectCodec.read(value, path)),
    write: (effect) => effect ?? '',
  },
})

const affinityCodec = record<pb.AffinityRule, AffinityRule>({
  target: oneOf<pb.AffinityTarget, AffinityTarget>({
    1: 'Volume',
    2: 'VirtualMachine',
    3: 'Tenant',
  }),
  names: texts,
  labelSelector: text,
  relation,
  failureDomain: text,
  strength,
  weight: atLeastOne,
})

/** What the contract calls max_per_domain has its whole name in the domain. */
function withMaximum<P, D>(
  others: Codec<P, D>,
): Codec<P & { maxPerDomain: number }, D & { readonly maximumPerDomain: number }> {
  return {
    read: (value, path) => ({
      ...others.read(value, path),
      maximumPerDomain: atLeastOne.read(value.maxPerDomain, `${path}.maxPerDomain`),
    }),
    write: (value) => ({ ...others.write(value), maxPerDomain: value.maximumPerDomain }),
  }
}

const groupCodec: Codec<pb.GroupRule, GroupRule> = withMaximum(
  record<Omit<pb.GroupRule, 'maxPerDomain'>, Omit<GroupRule, 'maximumPerDomain'>>({
    name: text,
    relation,
    failureDomain: text,
    strength,
  }),
)

/** PlacementRules. */
export const placementRulesCodec = record<pb.PlacementRules, PlacementRules>({
  nodeSelector: text,
  nodes: texts,
  excludedNodes: texts,
  tolerations: list(tolerationCodec),
  affinities: list(affinityCodec),
  groups: list(groupCodec),
  pinned: bool,
})

/** PlacementRules of something that always has some; unset binds it to nothing. */
export const anyRulesCodec: Codec<pb.PlacementRules | undefined, PlacementRules> = {
  read: (value, path) => (value ? placementRulesCodec.read(value, path) : NO_RULES),
  write: placementRulesCodec.write,
}

/** ReplicaRule. */
export const replicaRuleCodec: Codec<pb.ReplicaRule, ReplicaRule> = withMaximum(
  record<Omit<pb.ReplicaRule, 'maxPerDomain'>, Omit<ReplicaRule, 'maximumPerDomain'>>({
    failureDomain: text,
    mode: failureDomainModeCodec,
  }),
)

const TIE_BREAKER_MODES = { 1: 'Auto', 2: 'Never' } as const

/** TieBreakerMode, absent where unset. */
export const optionalTieBreakerModeCodec = optionalOneOf<pb.TieBreakerMode, TieBreakerMode>(
  TIE_BREAKER_MODES,
)

/** VolumeLocality, where unset means Preferred. */
export const volumeLocalityCodec = defaulting(
  oneOf<pb.VolumeLocality, VolumeLocality>({ 1: 'Preferred', 2: 'Required', 3: 'Ignored' }),
  0,
  'Preferred',
)

const deviceCodec = record<pb.DeviceDemand, DeviceDemand>({
  resource: text,
  pciId: text,
  count: atLeastOne,
})

/** ComputeDemand. */
export const computeDemandCodec = record<pb.ComputeDemand, ComputeDemand>({
  vcpus: number,
  cpuPolicy: defaulting(
    oneOf<pb.CpuPolicy, CpuPolicy>({ 1: 'Shared', 2: 'Dedicated' }),
    0,
    'Shared',
  ),
  isolateEmulatorThread: bool,
  memoryBytes: int64,
  hugepageSizeBytes: int64,
  numaPolicy: defaulting(
    oneOf<pb.NumaPolicy, NumaPolicy>({ 1: 'Any', 2: 'Single', 3: 'Spread' }),
    0,
    'Any',
  ),
  devices: list(deviceCodec),
  cpuModel: defaulting(text, '', 'host-model'),
  cpuFeatures: texts,
  architecture: defaulting(text, '', 'amd64'),
  tpm: bool,
  confidentialMode: optionalOneOf<pb.ConfidentialMode, ConfidentialMode>({
    1: 'SEV',
    2: 'SEV_ES',
    3: 'SEV_SNP',
    4: 'TDX',
  }),
  headless: bool,
})

/** VolumeDemand. */
export const volumeDemandCodec = record<pb.VolumeDemand, VolumeDemand>({
  sizeBytes: int64,
  storageClass: text,
  pool: text,
  poolKinds: list(poolKindCodec),
  replicas: number,
  rules: anyRulesCodec,
  replicaRules: list(replicaRuleCodec),
  tieBreakerMode: defaulting(
    oneOf<pb.TieBreakerMode, TieBreakerMode>(TIE_BREAKER_MODES),
    0,
    'Auto',
  ),
  tenant: text,
})

/** VirtualMachineDemand. */
export const virtualMachineDemandCodec = record<pb.VirtualMachineDemand, VirtualMachineDemand>({
  compute: required(computeDemandCodec),
  rules: anyRulesCodec,
  networks: texts,
  volumes: texts,
  newVolumes: list(volumeDemandCodec),
  volumeLocality: volumeLocalityCodec,
  tenant: text,
})
