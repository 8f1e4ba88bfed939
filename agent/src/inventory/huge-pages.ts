/** Huge pages as the kernel lists them, on the whole host and per NUMA node. */
import { uint } from './parse.ts'
import type { SysReader } from './reader.ts'

/** One entry per page size below `path`, in order of size, with the value of `file`. */
export function readHugePages(
  reader: SysReader,
  path: string,
  file: 'nr_hugepages' | 'free_hugepages',
): readonly { readonly pageBytes: number; readonly count: number }[] {
  return reader
    .names(path)
    .flatMap((name) => {
      const pageKib = uint(/^hugepages-(\d+)kB$/.exec(name)?.[1])
      const count = uint(reader.text(`${path}/${name}/${file}`))
      return pageKib === undefined || count === undefined
        ? []
        : [{ pageBytes: pageKib * 1024, count }]
    })
    .sort((a, b) => a.pageBytes - b.pageBytes)
}
