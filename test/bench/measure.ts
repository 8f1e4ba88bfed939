/** Rates and delays of repeated calls, and how they are printed. */

/** What a run of calls gave. */
export interface Rate {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Runs `call` with `concurrency` under way for `durationMs`, after a warm-up a fifth as long. */
export async function rate(
  concurrency: number,
  durationMs: number,
  call: (index: number) => Promise<unknown>,
): Promise<Rate> {
  let index = 0
  const run = async (untilMs: number, delays: number[]) => {
    const worker = async () => {
      while (performance.now() < untilMs) {
        const began = performance.now()
        await call(index++)
        delays.push(performance.now() - began)
      }
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
  }
  await run(performance.now() + durationMs / 5, [])
  const delays: number[] = []
  const began = performance.now()
  await run(began + durationMs, delays)
  const seconds = (performance.now() - began) / 1000
  delays.sort((a, b) => a - b)
  const at = (share: number) =>
    delays[Math.min(delays.length - 1, Math.floor(delays.length * share))]
  return { perSecond: delays.length / seconds, p50Ms: at(0.5) ?? 0, p99Ms: at(0.99) ?? 0 }
}

/** "12,345/s  p50 1.23 ms  p99 4.56 ms" */
export function formatRate({ perSecond, p50Ms, p99Ms }: Rate): string {
  const count = Math.round(perSecond).toLocaleString('en-US').padStart(8)
  const [p50, p99] = [p50Ms, p99Ms].map((ms) => ms.toFixed(2).padStart(7))
  return `${count}/s   p50 ${p50} ms   p99 ${p99} ms`
}

/** One line of the report. */
export function print(name: string, value: string): void {
  process.stdout.write(`${name.padEnd(52)} ${value}\n`)
}

/** A ratio with its goal and whether it is met. */
export function printGoal(name: string, value: string, met: boolean, goal: string): void {
  print(name, `${value.padEnd(14)} goal ${goal.padEnd(12)} ${met ? 'met' : 'MISSED'}`)
}
