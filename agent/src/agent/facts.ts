/** What a real host says of itself when it connects. The full report comes from the inventory. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import type { HostFacts } from './create-agent.ts'

/** Version of the agent, as its package says. */
export const AGENT_VERSION: string = (
  createRequire(import.meta.url)('../../package.json') as { version: string }
).version

/**
 * What the host's kernel offers, by capability. `drbd` is not among them: it means that replicas
 * are kept equal, and an agent that does not do so must not be given replicated volumes, whatever
 * modules are loaded.
 */
const CAPABILITY_PATHS: Readonly<Record<string, string>> = {
  kvm: '/dev/kvm',
  'lvm-thin': '/sys/module/dm_thin_pool',
  openvswitch: '/sys/module/openvswitch',
  zfs: '/sys/module/zfs',
}

/** Reads the facts of the host below `sysroot`. */
export function readHostFacts(sysroot: string): HostFacts {
  const kernel = [
    text(sysroot, '/proc/sys/kernel/ostype'),
    text(sysroot, '/proc/sys/kernel/osrelease'),
  ]
  return {
    agentVersion: AGENT_VERSION,
    capabilities: readCapabilities(sysroot),
    bootId: text(sysroot, '/proc/sys/kernel/random/boot_id'),
    os: [distribution(sysroot), kernel.filter(Boolean).join(' ')].filter(Boolean).join(', '),
    simulated: false,
    cpuCount: availableParallelism(),
    memoryBytes: memoryBytes(sysroot),
  }
}

/** What the host can do, in order. */
export function readCapabilities(sysroot: string): readonly string[] {
  const offered = Object.entries(CAPABILITY_PATHS)
    .filter(([, path]) => existsSync(join(sysroot, path)))
    .map(([capability]) => capability)
  return ['file', ...offered]
}

/** The host's own distribution, also when the agent runs in a container with the host's pids. */
function distribution(sysroot: string): string {
  const release = text(sysroot, '/proc/1/root/etc/os-release') || text(sysroot, '/etc/os-release')
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(release)?.[1] ?? ''
}

function memoryBytes(sysroot: string): number {
  const total = /^MemTotal:\s+(\d+) kB$/m.exec(text(sysroot, '/proc/meminfo'))?.[1]
  return total === undefined ? totalmem() : Number(total) * 1024
}

function text(sysroot: string, path: string): string {
  try {
    return readFileSync(join(sysroot, path), 'utf8').trim()
  } catch {
    return ''
  }
}
