/** The session over gRPC: here, and nowhere else in the agent, messages are protobuf. */
import { AgentServiceService } from '@keelson/shared/agent-api'
import { agentMessageCodec, coordinatorMessageCodec } from '@keelson/shared/codec'
import { KeelsonError } from '@keelson/shared/errors'
import {
  type CertificateSource,
  type Channel,
  createChannel,
  openSession,
} from '@keelson/shared/grpc'
import type { KeyPairPem } from '@keelson/shared/pki'
import type { SessionLink, SessionTransport } from '../session/index.ts'

/** What the transport shows when it connects. */
export interface CredentialSource {
  source(signal: AbortSignal): Promise<CertificateSource>
  disowned(): void
}

/** What a transport needs. */
export interface GrpcTransportOptions {
  /** "host:port" of the coordinators. */
  readonly servers: readonly string[]
  readonly credentials: CredentialSource
}

/** A transport, and how to give its connections up. */
export interface GrpcTransport extends SessionTransport {
  close(): void
}

/** A transport to the coordinators of one cluster. */
export function createGrpcTransport({ servers, credentials }: GrpcTransportOptions): GrpcTransport {
  let channel: Channel | undefined
  let shown: KeyPairPem | undefined

  /** A connection shows the certificate it was made with, so a new certificate needs a new one. */
  function channelFor(source: CertificateSource): Channel {
    if (channel !== undefined && shown === source.current()) return channel
    channel?.close()
    shown = source.current()
    channel = createChannel({ servers, certificates: source })
    return channel
  }

  function noted(error: unknown): unknown {
    if (error instanceof KeelsonError && error.code === 'PERMISSION_DENIED') credentials.disowned()
    return error
  }

  async function* incoming(session: AsyncIterable<SessionResponseOf>) {
    try {
      for await (const response of session) {
        // A newer coordinator may say things that this agent does not know yet.
        if (response.message === undefined) continue
        yield coordinatorMessageCodec.read(response, 'message')
      }
    } catch (error) {
      throw noted(error)
    }
  }

  return {
    async connect(signal): Promise<SessionLink> {
      const source = await credentials.source(signal)
      try {
        const session = await openSession(channelFor(source), AgentServiceService.session, {
          signal,
        })
        return {
          [Symbol.asyncIterator]: () => incoming(session),
          send: (message) => session.send(agentMessageCodec.write(message)),
          close: () => session.close(new KeelsonError('CANCELLED', 'the agent closed the session')),
        }
      } catch (error) {
        throw noted(error)
      }
    },
    close() {
      channel?.close()
      channel = undefined
    },
  }
}

type SessionResponseOf = Parameters<typeof coordinatorMessageCodec.read>[0]
