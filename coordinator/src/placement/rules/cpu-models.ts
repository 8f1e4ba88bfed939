/** Which hosts can be which CPU model: by KubeVirt's labels, else by the model's features. */

/** A model as far as it matters: its maker and the features that set it apart. */
interface CpuModel {
  readonly vendor: string
  readonly flags: readonly string[]
}

const HASWELL = ['avx2', 'bmi1', 'bmi2', 'fma', 'movbe']
const SKYLAKE = [...HASWELL, 'adx', 'rdseed', 'avx512f', 'avx512dq', 'avx512bw', 'avx512vl']
const ICELAKE = [...SKYLAKE, 'avx512_vnni', 'vaes', 'gfni']
const ZEN = ['avx2', 'bmi2', 'sha_ni', 'rdseed', 'clzero']
const ZEN_3 = [...ZEN, 'rdpid', 'wbnoinvd', 'vaes', 'vpclmulqdq', 'pku']

const MODELS: Readonly<Record<string, CpuModel>> = {
  Nehalem: { vendor: 'GenuineIntel', flags: ['ssse3', 'sse4_2', 'popcnt'] },
  Haswell: { vendor: 'GenuineIntel', flags: HASWELL },
  Broadwell: { vendor: 'GenuineIntel', flags: [...HASWELL, 'adx', 'rdseed'] },
  'Skylake-Server': { vendor: 'GenuineIntel', flags: SKYLAKE },
  'Cascadelake-Server': { vendor: 'GenuineIntel', flags: [...SKYLAKE, 'avx512_vnni'] },
  'Icelake-Server': { vendor: 'GenuineIntel', flags: ICELAKE },
  SapphireRapids: { vendor: 'GenuineIntel', flags: [...ICELAKE, 'amx_tile', 'avx512_bf16'] },
  EPYC: { vendor: 'AuthenticAMD', flags: ZEN },
  'EPYC-Rome': { vendor: 'AuthenticAMD', flags: [...ZEN, 'rdpid', 'wbnoinvd'] },
  'EPYC-Milan': { vendor: 'AuthenticAMD', flags: ZEN_3 },
  'EPYC-Genoa': { vendor: 'AuthenticAMD', flags: [...ZEN_3, 'avx512f', 'avx512_bf16'] },
}

/** What is known of a host's CPUs. */
export interface CpuKnowledge {
  readonly labels: Readonly<Record<string, string>>
  readonly vendor: string | undefined
  readonly flags: ReadonlySet<string> | undefined
}

/** Why a host cannot be the model; null if it can. */
export function modelObstacle(model: string, host: CpuKnowledge): string | null {
  if (model === '' || model === 'host-model' || model === 'host-passthrough') return null
  if (host.labels[`cpu-model.node.kubevirt.io/${model}`] === 'true') return null
  const known = MODELS[model.replace(/-(noTSX|IBRS|v\d+)/g, '')]
  if (!known) return `node has no label cpu-model.node.kubevirt.io/${model}`
  if (!host.flags) return 'CPU features of the node are not known'
  if (host.vendor !== undefined && host.vendor !== known.vendor)
    return `CPU is from ${host.vendor}, ${model} is from ${known.vendor}`
  const missing = known.flags.filter((flag) => !host.flags?.has(flag))
  return missing.length > 0 ? `CPU lacks ${missing.join(', ')} of ${model}` : null
}

/** Features of `wanted` the host lacks; undefined if its features are not known. */
export function missingFeatures(
  wanted: readonly string[],
  { flags, labels }: CpuKnowledge,
): readonly string[] | undefined {
  const open = wanted.filter((flag) => labels[`cpu-feature.node.kubevirt.io/${flag}`] !== 'true')
  if (open.length > 0 && !flags) return undefined
  // libvirt writes sse4.2 where the kernel writes sse4_2.
  return open.filter((flag) => !flags?.has(flag) && !flags?.has(flag.replace(/[.-]/g, '_')))
}
