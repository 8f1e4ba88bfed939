/** A plain grpc-js client: no retries, no wrappers, so that what is measured is the server. */
import * as grpc from '@grpc/grpc-js'
import type { UnaryMethod } from '@keelson/shared/grpc'

/** Calls one server. */
export interface PlainClient {
  call<Req, Res>(method: UnaryMethod<Req, Res>, request: Req): Promise<Res>
  close(): void
}

/** A client of one server; the token is optional. */
export function connect(server: string, authority: string, token?: string): PlainClient {
  const client = new grpc.Client(server, grpc.credentials.createSsl(Buffer.from(authority)), {
    'grpc.max_receive_message_length': 16 * 1024 * 1024,
    'grpc.use_local_subchannel_pool': 1,
    // The certificate names it, and TLS has no server name for a bare address.
    'grpc.ssl_target_name_override': 'localhost',
  })
  const metadata = new grpc.Metadata()
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
  return {
    call: (method, request) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          metadata,
          (error, response) => (error ? reject(error) : resolve(response!)),
        )
      }),
    close: () => client.close(),
  }
}
