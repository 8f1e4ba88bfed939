/** All services on one server. */
import {
  AgentServiceService,
  ClusterServiceService,
  EnrollmentServiceService,
  EventServiceService,
  NodeServiceService,
  OperationServiceService,
  PlacementServiceService,
  SnapshotServiceService,
  StorageClassServiceService,
  StoragePoolServiceService,
  VirtualMachineServiceService,
  VolumeServiceService,
} from '@keelson/shared/api'
import type { Server } from '@keelson/shared/grpc'
import { type AgentApiOptions, agentHandlers, enrollmentHandlers } from './agents.ts'
import { classHandlers } from './classes.ts'
import { type ClusterApiOptions, clusterHandlers } from './cluster.ts'
import { eventHandlers } from './events.ts'
import { type Health, serveHealth } from './health.ts'
import { serveLater } from './later.ts'
import { nodeHandlers } from './nodes.ts'
import { operationHandlers } from './operations.ts'
import { placementHandlers } from './placement/index.ts'
import { poolHandlers } from './pools.ts'
import { serveReflection } from './reflection.ts'
import { snapshotHandlers } from './snapshots.ts'
import { virtualMachineHandlers } from './virtual-machines.ts'
import { volumeHandlers } from './volumes.ts'

/** Adds every service to the server, and health and reflection. */
export function serveApi(server: Server, options: ClusterApiOptions & AgentApiOptions): Health {
  const { current } = options
  server.serve(NodeServiceService, nodeHandlers(current))
  server.serve(StoragePoolServiceService, poolHandlers(current))
  server.serve(StorageClassServiceService, classHandlers(current))
  server.serve(VolumeServiceService, volumeHandlers(current))
  server.serve(VirtualMachineServiceService, virtualMachineHandlers(current))
  server.serve(PlacementServiceService, placementHandlers(current))
  server.serve(SnapshotServiceService, snapshotHandlers(current))
  server.serve(OperationServiceService, operationHandlers(current))
  server.serve(EventServiceService, eventHandlers(current))
  server.serve(ClusterServiceService, clusterHandlers(options))
  server.serve(EnrollmentServiceService, enrollmentHandlers(options))
  server.serve(AgentServiceService, agentHandlers(current))
  serveLater(server)
  serveReflection(server)
  return serveHealth(server)
}
