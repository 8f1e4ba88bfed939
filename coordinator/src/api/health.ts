/** gRPC health checking, for probes; anonymous, since it says only whether the server serves. */
import { HealthCheckResponse_ServingStatus, HealthService } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import type { Server } from '@keelson/shared/grpc'

/** Says to probes whether the coordinator serves. */
export interface Health {
  set(serving: boolean): void
}

/** Adds the health service; not serving until told. */
export function serveHealth(server: Server): Health {
  let serving = false
  const waiting = new Set<() => void>()
  const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus
  const present = () => ({ status: serving ? SERVING : NOT_SERVING })

  server.serve(HealthService, {
    async check({ service }) {
      if (service !== '') throw new KeelsonError('NOT_FOUND', `service "${service}" is not known`)
      return present()
    },
    async *watch({ service }, { signal }) {
      if (service !== '') {
        yield { status: HealthCheckResponse_ServingStatus.SERVICE_UNKNOWN }
        return
      }
      while (!signal.aborted) {
        yield present()
        await new Promise<void>((resolve) => {
          waiting.add(resolve)
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
      }
    },
  })
  return {
    set(next) {
      if (serving === next) return
      serving = next
      for (const wake of waiting) wake()
      waiting.clear()
    },
  }
}
