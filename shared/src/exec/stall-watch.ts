/**
 * Tells a stalled process from a slow one. A sample is whatever changes while a process does
 * something: output it wrote, CPU time it used, bytes it moved. Equal samples mean that nothing
 * happened in between; only their age counts, never the speed of progress.
 */
import { readFile } from 'node:fs/promises'

/** Remembers when a process last showed life. */
export interface StallWatch {
  /** Takes a sample read at `now` and says whether nothing has changed for `stallMs`. */
  observe(now: number, sample: string): boolean
}

/** A watch over a process started at `startedAt` (epoch milliseconds). */
export function createStallWatch(startedAt: number, stallMs: number): StallWatch {
  let lastSample: string | undefined
  let changedAt = startedAt
  return {
    observe(now, sample) {
      if (sample !== lastSample) {
        lastSample = sample
        changedAt = now
      }
      return now - changedAt >= stallMs
    },
  }
}

/**
 * CPU time and I/O counters of a process as opaque text. Children of the process are not counted.
 * Empty once the process is gone or where the kernel does not show it.
 */
export async function readProcessActivity(pid: number): Promise<string> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
  const [stat, io] = await Promise.all([read('stat'), read('io')])
  return `${cpuTicks(stat)}\n${io}`
}

/** User and system ticks of a /proc/<pid>/stat line; the command name in it may hold anything. */
function cpuTicks(stat: string): string {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return `${fields[11] ?? ''} ${fields[12] ?? ''}`
}
