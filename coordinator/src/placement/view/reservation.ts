/** What a host sets aside for a machine. */
import type { ComputeDemand, HostReservation, NumaReservation } from '@keelson/shared/model'
import type { Amount, Fleet } from '../fleet/index.ts'
import { CPU, MEMORY } from '../fleet/index.ts'
import { deviceColumn, hugepageColumn } from './host-facts.ts'

const MIB = 2 ** 20

/** Memory KubeVirt's processes take beside the guest whatever its shape, with the I/O thread. */
const FIXED_OVERHEAD_BYTES = (25 + 100 + 25 + 40 + 50 + 8) * MIB

/** Memory the hypervisor needs beside the guest's, by KubeVirt's formula. */
export function overheadBytes(compute: ComputeDemand): number {
  const { architecture, confidentialMode, cpuPolicy, devices, headless, memoryBytes } = compute
  const sev = confidentialMode !== undefined && confidentialMode !== 'TDX'
  return (
    Math.ceil(memoryBytes / 512) +
    FIXED_OVERHEAD_BYTES +
    compute.vcpus * 8 * MIB +
    (headless ? 0 : 32 * MIB) +
    (devices.length > 0 ? 1024 * MIB : 0) +
    (cpuPolicy === 'Dedicated' ? 100 * MIB : 0) +
    (sev ? 256 * MIB : 0) +
    (compute.tpm ? 53 * MIB : 0) +
    (architecture === 'arm64' ? 128 * MIB : 0)
  )
}

/** Logical CPUs the machine has to itself. */
export function dedicatedCpus({ cpuPolicy, isolateEmulatorThread, vcpus }: ComputeDemand): number {
  return cpuPolicy === 'Dedicated' ? vcpus + (isolateEmulatorThread ? 1 : 0) : 0
}

/** Thousandths of logical CPUs; shared ones by the over-commit ratio in hundredths. */
export function cpuMillis(compute: ComputeDemand, overcommitPercent: number): number {
  const dedicated = dedicatedCpus(compute)
  if (dedicated > 0) return dedicated * 1000
  return Math.ceil((compute.vcpus * 100_000) / overcommitPercent)
}

/** What a host would set aside; which NUMA nodes and devices depends on the host. */
export function reservationFor(
  compute: ComputeDemand,
  overcommitPercent: number,
  numaNodes: readonly NumaReservation[] = [],
): HostReservation {
  const paged = compute.hugepageSizeBytes > 0
  const overhead = overheadBytes(compute)
  return {
    cpuMillis: cpuMillis(compute, overcommitPercent),
    memoryBytes: overhead + (paged ? 0 : compute.memoryBytes),
    overheadBytes: overhead,
    hugepageBytes: paged ? compute.memoryBytes : 0,
    hugepageSizeBytes: compute.hugepageSizeBytes,
    numaNodes,
    devices: compute.devices.flatMap(({ count }, demandIndex) =>
      Array.from({ length: count }, () => ({ demandIndex, pciAddress: '' })),
    ),
  }
}

/** The reservation by column. In `missing` are columns the fleet lacks: no host has any. */
export function amountsOf(
  fleet: Pick<Fleet, 'columnRow'>,
  compute: ComputeDemand,
  reserved: HostReservation,
): { readonly amounts: Amount[]; readonly missing: readonly string[] } {
  const amounts: Amount[] = [
    { column: MEMORY, amount: reserved.memoryBytes },
    { column: CPU, amount: reserved.cpuMillis },
  ]
  const missing: string[] = []
  const add = (name: string, amount: number) => {
    const column = fleet.columnRow(name)
    if (column < 0) missing.push(name)
    else amounts.push({ column, amount })
  }
  if (reserved.hugepageBytes > 0)
    add(hugepageColumn(reserved.hugepageSizeBytes) ?? 'hugepages', reserved.hugepageBytes)
  const counts = new Map<string, number>()
  for (const demand of compute.devices) {
    const name = deviceColumn(demand)
    counts.set(name, (counts.get(name) ?? 0) + demand.count)
  }
  for (const [name, count] of counts) add(name, count)
  return { amounts, missing }
}
