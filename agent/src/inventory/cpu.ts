/** Section "cpu": sockets, cores, threads, caches, features, the kernel's verdict on weaknesses. */
import type { CpuCache, CpuCacheKind, CpuFacts, CpuPackage, CpuThread } from '@keelson/shared/model'
import { byName, colonLines, compact, filled, numberList, sizeBytes, uint } from './parse.ts'
import type { SysReader } from './reader.ts'
import type { CollectContext } from './section.ts'

const CPU = '/sys/devices/system/cpu'

/** Reads the section. */
export async function collectCpu(context: CollectContext): Promise<CpuFacts | undefined> {
  const { reader, gap } = context
  const ids = reader
    .names(CPU)
    .flatMap((name) => uint(/^cpu(\d+)$/.exec(name)?.[1]) ?? [])
    .sort((a, b) => a - b)
  if (ids.length === 0) {
    gap('', reader.problem(CPU))
    return undefined
  }
  const cpus = await readThreads(context, ids)
  const info = parseCpuinfo(await reader.slowText('/proc/cpuinfo'))
  if (info.length === 0) gap('packages', reader.problem('/proc/cpuinfo'))
  const online = cpus.filter((cpu) => cpu.online)
  const bits = /(\d+) bits physical, (\d+) bits virtual/.exec(info[0]?.get('address sizes') ?? '')
  const packages = readPackages(context, online, info)
  return compact({
    architecture: architecture(reader, info[0]),
    sockets: packages.length,
    cores: packages.reduce((sum, each) => sum + each.cores, 0),
    threads: online.length,
    packages,
    cpus,
    caches: await readCaches(context, online),
    flags: commonFlags(info),
    vulnerabilities: readVulnerabilities(context),
    smt: filled(reader.text(`${CPU}/smt/control`)),
    physicalAddressBits: uint(bits?.[1]),
    virtualAddressBits: uint(bits?.[2]),
  })
}

async function readThreads(
  { reader, breathe }: CollectContext,
  ids: readonly number[],
): Promise<readonly CpuThread[]> {
  const onlineText = reader.text(`${CPU}/online`)
  const online = new Set(onlineText === undefined ? ids : numberList(onlineText))
  const isolated = new Set(numberList(reader.text(`${CPU}/isolated`)))
  const tickless = new Set(numberList(reader.text(`${CPU}/nohz_full`)))
  const nodeOf = numaNodes(reader)
  const threads: CpuThread[] = []
  for (const id of ids) {
    const topology = `${CPU}/cpu${id}/topology`
    threads.push(
      compact({
        id,
        online: online.has(id),
        package: uint(reader.text(`${topology}/physical_package_id`)),
        die: uint(reader.text(`${topology}/die_id`)),
        core: uint(reader.text(`${topology}/core_id`)),
        numaNode: nodeOf.get(id),
        isolated: isolated.has(id),
        tickless: tickless.has(id),
        governor: filled(reader.text(`${CPU}/cpu${id}/cpufreq/scaling_governor`)),
      }),
    )
    await breathe()
  }
  return threads
}

function numaNodes(reader: SysReader): ReadonlyMap<number, number> {
  const nodeOf = new Map<number, number>()
  for (const name of reader.names('/sys/devices/system/node')) {
    const node = uint(/^node(\d+)$/.exec(name)?.[1])
    if (node === undefined) continue
    for (const cpu of numberList(reader.text(`/sys/devices/system/node/${name}/cpulist`)))
      nodeOf.set(cpu, node)
  }
  return nodeOf
}

/** One map per online CPU, in the kernel's order. */
type Cpuinfo = ReadonlyMap<string, string>

function parseCpuinfo(text: string | undefined): readonly Cpuinfo[] {
  return (text ?? '')
    .split(/\n\s*\n/)
    .map(colonLines)
    .filter((block) => block.has('processor'))
}

function readPackages(
  context: CollectContext,
  online: readonly CpuThread[],
  info: readonly Cpuinfo[],
): readonly CpuPackage[] {
  const { reader, gap } = context
  const ids = [...new Set(online.map((cpu) => cpu.package ?? 0))].sort((a, b) => a - b)
  return ids.map((id) => {
    const members = online.filter((cpu) => (cpu.package ?? 0) === id)
    const first = members[0]?.id ?? 0
    const memberIds = new Set(members.map((cpu) => String(cpu.id)))
    const blocks = info.filter((block) => memberIds.has(block.get('processor') ?? ''))
    const block = blocks[0]
    const modelName = filled(block?.get('model name'))
    if (block !== undefined && modelName === undefined)
      gap(`packages[${id}].modelName`, '/proc/cpuinfo does not name the model')
    const frequency = `${CPU}/cpu${first}/cpufreq`
    return compact({
      id,
      vendor: filled(block?.get('vendor_id') ?? block?.get('CPU implementer')),
      modelName,
      family: uint(block?.get('cpu family')),
      model: uint(block?.get('model')),
      stepping: uint(block?.get('stepping')),
      microcode: microcode(blocks),
      cores: new Set(members.map((cpu) => `${cpu.die ?? 0}:${cpu.core ?? cpu.id}`)).size,
      threads: members.length,
      baseKhz: uint(reader.text(`${frequency}/base_frequency`)),
      maxKhz: uint(reader.text(`${frequency}/cpuinfo_max_freq`)),
    })
  })
}

/** Cores of one socket that differ here were not all updated: worth seeing, so both are shown. */
function microcode(blocks: readonly Cpuinfo[]): string | undefined {
  const revisions = blocks.flatMap((block) => block.get('microcode') ?? [])
  return filled([...new Set(revisions)].sort().join(','))
}

function architecture(reader: SysReader, block: Cpuinfo | undefined): string | undefined {
  const named = filled(reader.text('/proc/sys/kernel/arch'))
  if (named !== undefined) return named
  if (block?.has('vendor_id')) return /\blm\b/.test(block.get('flags') ?? '') ? 'x86_64' : 'i686'
  return block?.has('CPU implementer') ? 'aarch64' : undefined
}

/** Features that every CPU has: those a guest may be given if it is to run on any of them. */
function commonFlags(info: readonly Cpuinfo[]): readonly string[] {
  // The text is the same for all CPUs of nearly every host, so distinct texts are few.
  const texts = new Set(info.map((block) => block.get('flags') ?? block.get('Features') ?? ''))
  const [first, ...others] = [...texts].map((text) => new Set(text.split(/\s+/).filter(Boolean)))
  return [...(first ?? [])].filter((word) => others.every((set) => set.has(word))).sort()
}

const CACHE_KINDS: Readonly<Record<string, CpuCacheKind>> = {
  Data: 'DATA',
  Instruction: 'INSTRUCTION',
  Unified: 'UNIFIED',
}

async function readCaches(
  { reader, gap, breathe }: CollectContext,
  online: readonly CpuThread[],
): Promise<readonly CpuCache[]> {
  const caches = new Map<string, CpuCache>()
  for (const { id } of online) {
    const path = `${CPU}/cpu${id}/cache`
    for (const index of reader.names(path).filter((name) => /^index\d+$/.test(name))) {
      const level = uint(reader.text(`${path}/${index}/level`))
      const kind = CACHE_KINDS[reader.text(`${path}/${index}/type`) ?? '']
      const sharedCpus = reader.text(`${path}/${index}/shared_cpu_list`) ?? String(id)
      if (level === undefined || kind === undefined) continue
      const key = `${level} ${kind} ${sharedCpus}`
      if (caches.has(key)) continue
      const size = sizeBytes(reader.text(`${path}/${index}/size`))
      caches.set(key, compact({ level, kind, sizeBytes: size, sharedCpus }))
    }
    await breathe()
  }
  if (caches.size === 0) gap('caches', reader.problem(`${CPU}/cpu0/cache`))
  return [...caches.entries()].sort(([a], [b]) => byName(a, b)).map(([, cache]) => cache)
}

function readVulnerabilities({ reader, gap }: CollectContext): Readonly<Record<string, string>> {
  const path = `${CPU}/vulnerabilities`
  const entries = reader.names(path).flatMap((name) => {
    const verdict = filled(reader.text(`${path}/${name}`))
    return verdict === undefined ? [] : [[name, verdict] as const]
  })
  if (entries.length === 0) gap('vulnerabilities', reader.problem(path))
  return Object.fromEntries(entries)
}
