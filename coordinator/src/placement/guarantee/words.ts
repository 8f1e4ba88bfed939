/** Amounts and domains as people read them. */
import { formatSize } from '@keelson/shared/model'

/** Name of a column as shortages call it; see `Shortage.resource`. */
export function resourceOf(column: string): string {
  if (column === 'memory') return 'memory_bytes'
  if (column === 'cpu') return 'cpu_millis'
  if (column.startsWith('hugepages')) return 'hugepage_bytes'
  return column.replace(/^device\//, '')
}

/** An amount of a column with its unit: "12 GiB of memory", "3.5 CPUs", "2 of nvidia.com/T4". */
export function amountOf(column: string, amount: number): string {
  const resource = resourceOf(column)
  if (resource === 'cpu_millis') return counted(Math.round(amount / 100) / 10, 'CPU')
  if (resource === 'memory_bytes') return `${formatSize(amount)} of memory`
  if (resource === 'hugepage_bytes') return `${formatSize(amount)} of ${column}`
  return `${amount} of ${resource}`
}

/** A domain: "n3" for a host, "rack=a" for "topology.kubernetes.io/rack", "no rack" without one. */
export function domainName(label: string, value: string): string {
  if (label === '') return value
  const short = label.slice(label.lastIndexOf('/') + 1)
  return value === '' ? `no ${short}` : `${short}=${value}`
}

/** "1 machine", "2 machines". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
