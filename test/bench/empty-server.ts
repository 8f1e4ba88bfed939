/** The peer of the API measurements: a bare grpc-js server over TLS that does nothing. */
import { readFileSync } from 'node:fs'
import * as grpc from '@grpc/grpc-js'

const [, , certificateFile, keyFile, port] = process.argv
const server = new grpc.Server()
server.addService(
  {
    empty: {
      path: '/bench.Empty/Empty',
      requestStream: false,
      responseStream: false,
      requestSerialize: (value: Buffer) => value,
      requestDeserialize: (value: Buffer) => value,
      responseSerialize: (value: Buffer) => value,
      responseDeserialize: (value: Buffer) => value,
    },
  },
  {
    empty: (_call: unknown, callback: (error: null, value: Buffer) => void) =>
      callback(null, Buffer.alloc(0)),
  },
)
const credentials = grpc.ServerCredentials.createSsl(null, [
  { cert_chain: readFileSync(certificateFile!), private_key: readFileSync(keyFile!) },
])
server.bindAsync(`127.0.0.1:${port}`, credentials, (error) => {
  if (error) throw error
})
