/** Section "memory": how much there is, and the modules it is made of. */
import type { MemoryFacts } from '@keelson/shared/model'
import { type MemoryTable, parseMemoryTable } from './dmi-table.ts'
import { readHugePages } from './huge-pages.ts'
import { colonLines, compact, sizeBytes } from './parse.ts'
import type { CollectContext } from './section.ts'

const DMI_TABLE = '/sys/firmware/dmi/tables/DMI'
const HUGE_PAGES = '/sys/kernel/mm/hugepages'

/** Reads the section. */
export async function collectMemory({ reader, gap }: CollectContext): Promise<MemoryFacts> {
  const meminfo = colonLines(reader.text('/proc/meminfo'))
  const totalBytes = sizeBytes(meminfo.get('MemTotal'))
  if (totalBytes === undefined) gap('totalBytes', reader.problem('/proc/meminfo'))
  if (!reader.exists(HUGE_PAGES)) gap('hugePages', reader.problem(HUGE_PAGES))
  const raw = reader.bytes(DMI_TABLE, 4 * 2 ** 20)
  const table = raw && parseMemoryTable(raw)
  if (raw === undefined) gap('dimms', reader.problem(DMI_TABLE))
  else if (table === undefined) gap('dimms', `${DMI_TABLE} describes no memory device`)
  return compact({
    totalBytes,
    installedBytes: table && installedBytes(table, gap),
    slots: table?.slots,
    errorCorrection: table?.errorCorrection,
    dimms: table?.dimms ?? [],
    emptySlots: table?.emptySlots ?? [],
    hugePages: readHugePages(reader, HUGE_PAGES, 'nr_hugepages').map(({ pageBytes, count }) => ({
      pageBytes,
      total: count,
    })),
  })
}

/** The sum of all modules; not known at all if one of them is not. */
function installedBytes(table: MemoryTable, gap: CollectContext['gap']): number | undefined {
  let sum = 0
  for (const dimm of table.dimms) {
    if (dimm.sizeBytes === undefined) {
      gap('installedBytes', `the firmware does not tell the size of ${dimm.locator}`)
      return undefined
    }
    sum += dimm.sizeBytes
  }
  return sum
}
