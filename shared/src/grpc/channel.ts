/**
 * A client's connections to the coordinators of one cluster: always TLS, always verified against
 * the cluster's own authority, in the order given, with the one that answered last tried first.
 */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { checkServerIdentity, createSecureContext, type SecureContext } from 'node:tls'
import * as grpc from '@grpc/grpc-js'
import { KeelsonError } from '../errors/index.ts'
import type { CertificateSource } from './certificates.ts'
import { type LimitOptions, transportLimits } from './limits.ts'
import type { ReportCodec } from './status.ts'

/** Whom to call. */
interface ServersOptions extends LimitOptions {
  /** "host:port", at least one. */
  readonly servers: readonly string[]
  /** How long to wait for one server's handshake before the next is tried; 5 s unless told. */
  readonly connectTimeoutMs?: number
  /** Bearer token of a user. */
  readonly token?: string
  readonly reports?: ReportCodec
}

/**
 * Whom to call, whom to believe and as whom to speak: a user or nobody knows only the authority, an
 * agent shows a certificate too; a renewed one is used from the next connection on.
 */
export type ChannelOptions = ServersOptions &
  ({ readonly authorityPem: string } | { readonly certificates: CertificateSource })

/** One server. */
export interface Connection {
  readonly address: string
  readonly client: grpc.Client
}

/** Servers to call. */
export interface Channel {
  /** In the order to try them. */
  connections(): readonly Connection[]
  /** Notes that this one answered, so that it is tried first. */
  prefer(connection: Connection): void
  /** Notes that this one does not serve, so that it is tried last. */
  avoid(connection: Connection): void
  readonly connectTimeoutMs: number
  readonly reports: ReportCodec | undefined
  /** Cancels calls under way and closes every connection. */
  close(): void
}

/** Makes a channel; it connects when first used. Raises INVALID_ARGUMENT without a server. */
export function createChannel(options: ChannelOptions): Channel {
  if (options.servers.length === 0)
    throw new KeelsonError('INVALID_ARGUMENT', 'no server to call is given')
  let order: readonly Connection[] = options.servers.map((address) => connection(address, options))
  const others = (than: Connection) => order.filter((each) => each !== than)
  return {
    connections: () => order,
    prefer(answered) {
      if (order[0] !== answered) order = [answered, ...others(answered)]
    },
    avoid(failed) {
      order = [...others(failed), failed]
    },
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    reports: options.reports,
    close() {
      for (const { client } of order) client.close()
    },
  }
}

function connection(address: string, options: ChannelOptions): Connection {
  const host = /^\[?(.*?)\]?:\d+$/.exec(address)?.[1]
  if (!host)
    throw new KeelsonError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(address)} is no address (host:port)`,
    )
  const client = new grpc.Client(address, credentials(options, host), {
    ...transportLimits(options),
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 2_000,
    // A coordinator is never behind the web proxy of the environment, nor configured by DNS.
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.use_local_subchannel_pool': 1,
    ...(isIP(host) ? { 'grpc.ssl_target_name_override': ADDRESS_NAME } : {}),
  })
  return { address, client }
}

/** TLS has no server name for a bare address, and Node warns about an address in its place. */
const ADDRESS_NAME = 'coordinator.invalid'

function credentials(options: ChannelOptions, host: string): grpc.ChannelCredentials {
  const { token } = options
  // The address itself is what the certificate must name, not the stand-in above.
  const verify: grpc.VerifyOptions = isIP(host)
    ? { checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate) }
    : {}
  const transport =
    'certificates' in options
      ? grpc.experimental.createCertificateProviderChannelCredentials(
          options.certificates.provider,
          options.certificates.provider,
          verify,
        )
      : grpc.credentials.createFromSecureContext(trusting(options.authorityPem), verify)
  if (token === undefined) return transport
  return grpc.credentials.combineChannelCredentials(
    transport,
    grpc.credentials.createFromMetadataGenerator((_, callback) => {
      const metadata = new grpc.Metadata()
      metadata.set('authorization', `Bearer ${token}`)
      callback(null, metadata)
    }),
  )
}

function trusting(authorityPem: string): SecureContext {
  try {
    // The context would take any text, and then trust nobody.
    new X509Certificate(authorityPem)
    return createSecureContext({ ca: authorityPem, minVersion: 'TLSv1.2' })
  } catch (cause) {
    throw new KeelsonError('INVALID_ARGUMENT', 'the authority is not a certificate', { cause })
  }
}
