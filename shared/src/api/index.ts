/**
 * The generated contract, for the edges that speak it: the coordinator's services and its clients.
 * Everyone else uses the domain types of `model`.
 */

export {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  HealthService,
} from '../gen/grpc/health/v1/health.ts'
export {
  ServerReflectionRequest,
  ServerReflectionResponse,
  ServerReflectionService,
} from '../gen/grpc/reflection/v1/reflection.ts'
export {
  AgentServiceService,
  EnrollmentServiceService,
  EnrollRequest,
  EnrollResponse,
  RenewCertificateRequest,
  RenewCertificateResponse,
  SessionRequest,
  SessionResponse,
} from '../gen/keelson/agent/v1/agent.ts'
export * from '../gen/keelson/v1/cluster.ts'
export * from '../gen/keelson/v1/common.ts'
// The generator repeats these helpers in every file; naming one set settles which is meant.
export {
  type DeepPartial,
  type Exact,
  type MessageFns,
  protobufFileName,
  protobufPackage,
} from '../gen/keelson/v1/common.ts'
export * from '../gen/keelson/v1/error.ts'
export * from '../gen/keelson/v1/event.ts'
export * from '../gen/keelson/v1/hardware.ts'
export * from '../gen/keelson/v1/network.ts'
export * from '../gen/keelson/v1/node.ts'
export * from '../gen/keelson/v1/operation.ts'
export * from '../gen/keelson/v1/placement.ts'
export * from '../gen/keelson/v1/placement_demand.ts'
export * from '../gen/keelson/v1/placement_report.ts'
export * from '../gen/keelson/v1/snapshot.ts'
export * from '../gen/keelson/v1/storage_class.ts'
export * from '../gen/keelson/v1/storage_pool.ts'
export * from '../gen/keelson/v1/tenant.ts'
export * from '../gen/keelson/v1/virtual_machine.ts'
export * from '../gen/keelson/v1/volume.ts'
