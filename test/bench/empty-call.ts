import type { UnaryMethod } from '@keelson/shared/grpc'

/** The empty call. */
export const EMPTY: UnaryMethod<Buffer, Buffer> = {
  path: '/bench.Empty/Empty',
  requestStream: false,
  responseStream: false,
  requestSerialize: (value) => value,
  requestDeserialize: (value) => value,
  responseSerialize: (value) => value,
  responseDeserialize: (value) => value,
}
