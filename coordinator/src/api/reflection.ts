/**
 * Server reflection, so that grpcurl and its like can list and call everything. Anonymous: it says
 * no more than proto/ does, which is public. The descriptors are those that buf built with the
 * generated code. (The `@grpc/reflection` package rebuilds descriptors on its own and loses the
 * well-known types on the way; see ADR 0015.)
 */
import { readFileSync } from 'node:fs'
import { createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt'
import {
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionService,
} from '@keelson/shared/api'
import { CODES } from '@keelson/shared/errors'
import type { Server } from '@keelson/shared/grpc'

type Answer = NonNullable<ServerReflectionResponse['messageResponse']>

/** Adds reflection, under its present name and the one that older tools ask for. */
export function serveReflection(server: Server): void {
  const answer = createReflection()
  const { serverReflectionInfo } = ServerReflectionService
  const path = serverReflectionInfo.path.replace('.v1.', '.v1alpha.')
  for (const method of [serverReflectionInfo, { ...serverReflectionInfo, path }])
    server.serve(
      { serverReflectionInfo: method },
      {
        async serverReflectionInfo(session) {
          for await (const request of session) await session.send(answer(request))
        },
      },
    )
}

function createReflection(): (request: ServerReflectionRequest) => ServerReflectionResponse {
  const location = import.meta.resolve('@keelson/shared/gen/descriptors.binpb')
  const set = fromBinary(FileDescriptorSetSchema, readFileSync(new URL(location)))
  const files = new Map(set.file.map((file) => [file.name, file]))
  const registry = createFileRegistry(set)
  const services = set.file.flatMap((file) =>
    file.service.map((service) => ({ name: `${file.package}.${service.name}` })),
  )

  /** The file with everything it imports, so that one answer is enough. */
  function withImports(file: FileDescriptorProto, into = new Map<string, Uint8Array>()) {
    if (into.has(file.name)) return into
    into.set(file.name, toBinary(FileDescriptorProtoSchema, file))
    for (const name of file.dependency) {
      const imported = files.get(name)
      if (imported) withImports(imported, into)
    }
    return into
  }

  function describe(file: FileDescriptorProto | undefined, asked: string): Answer {
    if (!file) return refusal(`"${asked}" is not known`)
    const fileDescriptorProto = [...withImports(file).values()].map((bytes) => Buffer.from(bytes))
    return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto } }
  }

  function fileOf(symbol: string): FileDescriptorProto | undefined {
    // A method or a field is found by the service or message that has it.
    const owner = registry.get(symbol) ?? registry.get(symbol.slice(0, symbol.lastIndexOf('.')))
    return owner ? files.get(`${owner.file.name}.proto`) : undefined
  }

  return (request) => {
    const { messageRequest } = request
    const respond = (messageResponse: Answer) => ({
      validHost: request.host,
      originalRequest: request,
      messageResponse,
    })
    switch (messageRequest?.$case) {
      case 'listServices':
        return respond({ $case: 'listServicesResponse', value: { service: services } })
      case 'fileByFilename':
        return respond(describe(files.get(messageRequest.value), messageRequest.value))
      case 'fileContainingSymbol':
        return respond(describe(fileOf(messageRequest.value), messageRequest.value))
      default:
        return respond(refusal('this question is not answered'))
    }
  }
}

function refusal(errorMessage: string): Answer {
  return { $case: 'errorResponse', value: { errorCode: CODES.NOT_FOUND, errorMessage } }
}
