/**
 * The shape of what ts-proto generates for a service (`XxxService`): one entry per RPC with its
 * path and its four codecs. Servers and clients are typed from these entries alone, so a service
 * needs no class on either side.
 */

/** One RPC as generated. */
export interface Method<Request, Response> {
  /** As on the wire: "/package.Service/Method". */
  readonly path: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  readonly requestSerialize: (value: Request) => Buffer
  readonly requestDeserialize: (bytes: Buffer) => Request
  readonly responseSerialize: (value: Response) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => Response
}

/** One request, one response. */
export interface UnaryMethod<Request, Response> extends Method<Request, Response> {
  readonly requestStream: false
  readonly responseStream: false
}

/** One request, many responses. */
export interface StreamMethod<Request, Response> extends Method<Request, Response> {
  readonly requestStream: false
  readonly responseStream: true
}

/** Messages both ways for as long as both like. */
export interface DuplexMethod<Request, Response> extends Method<Request, Response> {
  readonly requestStream: true
  readonly responseStream: true
}

/** A generated service. */
// biome-ignore lint/suspicious/noExplicitAny: each method has its own two types.
export type ServiceMethods = Readonly<Record<string, Method<any, any>>>
