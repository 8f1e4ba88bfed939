/** The agent's way to the coordinator: the session over gRPC with mutual TLS. */
export * from './grpc-transport.ts'
