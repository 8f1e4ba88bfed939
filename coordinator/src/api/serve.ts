/** All services on one server. */
import { fileURLToPath } from 'node:url'
import { loadSync } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import {
  AgentServiceService,
  ClusterServiceService,
  EnrollmentServiceService,
  EventServiceService,
  NodeServiceService,
  OperationServiceService,
  SnapshotServiceService,
  StorageClassServiceService,
  StoragePoolServiceService,
  VolumeServiceService,
} from '@keelson/shared/api'
import type { Server } from '@keelson/shared/grpc'
import { HealthImplementation } from 'grpc-health-check'
import { type AgentApiOptions, agentHandlers, enrollmentHandlers } from './agents.ts'
import { classHandlers } from './classes.ts'
import { type ClusterApiOptions, clusterHandlers } from './cluster.ts'
import { eventHandlers } from './events.ts'
import { serveLater } from './later.ts'
import { nodeHandlers } from './nodes.ts'
import { operationHandlers } from './operations.ts'
import { poolHandlers } from './pools.ts'
import { snapshotHandlers } from './snapshots.ts'
import { volumeHandlers } from './volumes.ts'

/** Says to probes whether the coordinator serves. */
export interface Health {
  set(serving: boolean): void
}

/** Adds every service to the server, and health and reflection. */
export function serveApi(server: Server, options: ClusterApiOptions & AgentApiOptions): Health {
  const { current } = options
  server.serve(NodeServiceService, nodeHandlers(current))
  server.serve(StoragePoolServiceService, poolHandlers(current))
  server.serve(StorageClassServiceService, classHandlers(current))
  server.serve(VolumeServiceService, volumeHandlers(current))
  server.serve(SnapshotServiceService, snapshotHandlers(current))
  server.serve(OperationServiceService, operationHandlers(current))
  server.serve(EventServiceService, eventHandlers(current))
  server.serve(ClusterServiceService, clusterHandlers(options))
  server.serve(EnrollmentServiceService, enrollmentHandlers(options))
  server.serve(AgentServiceService, agentHandlers(current))
  serveLater(server)
  addReflection(server)
  const health = new HealthImplementation({ '': 'NOT_SERVING' })
  health.addToServer(server.raw)
  return { set: (serving) => health.setStatus('', serving ? 'SERVING' : 'NOT_SERVING') }
}

/** The public contract only, and without a token: it says no more than the repository does. */
function addReflection(server: Server): void {
  const root = fileURLToPath(new URL('../../../proto', import.meta.url))
  const files = PUBLIC_FILES.map((name) => `keelson/v1/${name}.proto`)
  const definition = loadSync(files, { includeDirs: [root] })
  new ReflectionService(definition).addToServer(server.raw)
}

const PUBLIC_FILES = [
  'cluster',
  'event',
  'network',
  'node',
  'operation',
  'placement',
  'snapshot',
  'storage_class',
  'storage_pool',
  'tenant',
  'virtual_machine',
  'volume',
]
