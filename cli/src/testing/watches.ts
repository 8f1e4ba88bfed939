/** Watches for the fake services. */
import type { Volume, WatchType } from '@keelson/shared/api'

/** A volume watch that tells these steps and then stays silent; requests are noted in `asked`. */
export function tellVolumes(
  asked: object[],
  steps: readonly (readonly [type: WatchType, volume?: Volume])[],
) {
  return async function* (request: object, { signal }: { readonly signal: AbortSignal }) {
    asked.push({ ...request })
    let resourceVersion = 7n
    for (const [type, volume] of steps) yield { type, volume, resourceVersion: ++resourceVersion }
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  }
}
