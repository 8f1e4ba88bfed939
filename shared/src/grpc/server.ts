/**
 * One TLS port for everybody: users come with a bearer token, agents with a client certificate, a
 * joining agent with neither. There is no plaintext port. The certificate can be replaced while the
 * server runs, and a peer that vanished without a word is noticed within eight seconds.
 */
import * as grpc from '@grpc/grpc-js'
import { KeelsonError } from '../errors/index.ts'
import type { Logger } from '../logging/index.ts'
import type { CertificateSource } from './certificates.ts'
import {
  createHandlers,
  type HandlerOptions,
  type SessionHandler,
  type StreamHandler,
  type UnaryHandler,
} from './handlers.ts'
import { type LimitOptions, transportLimits } from './limits.ts'
import type { DuplexMethod, Method, ServiceMethods, StreamMethod, UnaryMethod } from './methods.ts'

/** What a server needs. */
export interface ServerOptions extends HandlerOptions, LimitOptions {
  /** "host:port"; port 0 takes a free one. */
  readonly listen: string
  /** The server's own certificate, chain included, and the authority of client certificates. */
  readonly certificates: CertificateSource
}

/** The function that handles a method, by the method's shape. */
export type HandlerOf<M> =
  M extends UnaryMethod<infer Req, infer Res>
    ? UnaryHandler<Req, Res>
    : M extends StreamMethod<infer Req, infer Res>
      ? StreamHandler<Req, Res>
      : M extends DuplexMethod<infer In, infer Out>
        ? SessionHandler<In, Out>
        : never

/** Handlers of a service by method name; a method without one answers UNIMPLEMENTED. */
export type ServiceHandlers<S extends ServiceMethods> = {
  readonly [K in keyof S]?: HandlerOf<S[K]>
}

/** A server, first silent, then listening. */
export interface Server {
  /** Adds a generated service; before `listen`. */
  serve<S extends ServiceMethods>(service: S, handlers: ServiceHandlers<S>): void
  /** Opens the port and returns its number. Raises FAILED_PRECONDITION when it cannot be had. */
  listen(): Promise<number>
  /**
   * Takes no more calls, ends streams with UNAVAILABLE so that clients go elsewhere, lets requests
   * under way finish for `graceMs`, then cuts the rest off.
   */
  close(graceMs: number): Promise<void>
  /** For services that bring their own handlers: reflection and health. */
  readonly raw: grpc.Server
}

/** Makes a server; nothing listens yet. */
export function createServer(options: ServerOptions): Server {
  const handlers = createHandlers(options)
  const server = new grpc.Server(transportLimits(options))

  return {
    raw: server,

    serve(service, functions) {
      const definitions: Record<string, Method<unknown, unknown>> = {}
      const implementation: Record<string, grpc.UntypedHandleCall> = {}
      for (const [name, method] of Object.entries(service)) {
        definitions[name] = withLoggedSerializer(method, options.log)
        const handler = functions[name]
        if (handler === undefined) continue
        // The types of `functions` pair each function with its method's shape.
        if (method.requestStream) implementation[name] = handlers.duplex(handler as never)
        else if (method.responseStream) implementation[name] = handlers.stream(handler as never)
        else implementation[name] = handlers.unary(handler as never)
      }
      server.addService(definitions, implementation)
    },

    listen() {
      const { provider } = options.certificates
      // Certificates of clients are asked for, not required: what a caller may do is decided by
      // who it is, and a joining agent is nobody yet. One provider serves as both arguments: the
      // library has their order the other way round than it says.
      const credentials = grpc.experimental.createCertificateProviderServerCredentials(
        provider,
        provider,
        false,
      )
      return new Promise((resolve, reject) => {
        server.bindAsync(options.listen, credentials, (cause, port) => {
          if (cause === null) return resolve(port)
          const message = `cannot listen on ${options.listen}`
          reject(new KeelsonError('FAILED_PRECONDITION', message, { cause }))
        })
      })
    },

    async close(graceMs) {
      handlers.endStreams(new KeelsonError('UNAVAILABLE', 'the server is shutting down'))
      await new Promise<void>((resolve) => {
        const force = setTimeout(() => {
          server.forceShutdown()
          resolve()
        }, graceMs)
        server.tryShutdown(() => {
          clearTimeout(force)
          resolve()
        })
      })
    },
  }
}

/** The transport answers INTERNAL for a response that cannot be encoded, and tells nobody why. */
function withLoggedSerializer<Req, Res>(
  method: Method<Req, Res>,
  log: Pick<Logger, 'error'>,
): Method<Req, Res> {
  return {
    ...method,
    responseSerialize(value) {
      try {
        return method.responseSerialize(value)
      } catch (error) {
        log.error({ err: error, method: method.path }, 'response cannot be encoded')
        throw error
      }
    },
  }
}

/** Sends the transport library's own complaints, which are global to the process, to `log`. */
export function adoptTransportLog(log: Pick<Logger, 'debug'>): void {
  const write = (...parts: unknown[]) =>
    log.debug({ transport: parts.map(String).join(' ') }, 'grpc')
  grpc.setLogger({ error: write, info: write, debug: write })
}
