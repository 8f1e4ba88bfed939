/** Services whose engines are still to come: their shape is published, every call says so. */
import { NetworkServiceService, TenantServiceService } from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import type { Server, ServiceMethods } from '@keelson/shared/grpc'
import { reader } from './access.ts'

const LATER: readonly ServiceMethods[] = [NetworkServiceService, TenantServiceService]

/** Adds the services that answer UNIMPLEMENTED. */
export function serveLater(server: Server): void {
  for (const service of LATER) {
    const handlers: Record<string, unknown> = {}
    for (const [name, method] of Object.entries(service)) {
      const refuse = (context: Parameters<typeof reader>[0]): never => {
        reader(context)
        throw new KeelsonError('UNIMPLEMENTED', `${method.path.slice(1)} is not served yet`)
      }
      handlers[name] = method.responseStream
        ? // biome-ignore lint/correctness/useYield: it refuses before the first response.
          async function* (_request: unknown, context: Parameters<typeof reader>[0]) {
            refuse(context)
          }
        : async (_request: unknown, context: Parameters<typeof reader>[0]) => refuse(context)
    }
    server.serve(service, handlers as never)
  }
}
