/** For tests: the agents' side of a coordinator, over real TLS and gRPC on 127.0.0.1. */
import {
  AgentServiceService,
  EnrollmentServiceService,
  type EnrollRequest,
  type SessionRequest,
  type SessionResponse,
} from '@keelson/shared/agent-api'
import { KeelsonError } from '@keelson/shared/errors'
import { createCertificateSource, createServer, type DuplexSession } from '@keelson/shared/grpc'
import {
  type Authority,
  createAuthority,
  createJoinToken,
  identityOf,
  issueServerCertificate,
  loadAuthority,
  parseJoinToken,
  signAgentCertificate,
} from '@keelson/shared/pki'
import { systemClock, systemRng } from '@keelson/shared/runtime'

export const CLUSTER = 'cluster-1'
const HOUR_MS = 3_600_000

/** What arrived on a session. */
export interface ArrivedSession {
  readonly node: string
  readonly peer: string
  readonly stream: DuplexSession<SessionRequest, SessionResponse>
}

/** A coordinator for one test. */
export interface TestCoordinator {
  readonly address: string
  readonly authority: Authority
  /** Text of a join token that is accepted. */
  readonly token: string
  /** Another one. */
  issueToken(): string
  readonly enrolled: EnrollRequest[]
  /** Nodes whose certificate was renewed. */
  readonly renewed: string[]
  readonly sessions: ArrivedSession[]
  /** What certificates signed from now on are valid for. */
  validForMs: number
  /** Ends sessions with this error as soon as they begin. */
  refuse: KeelsonError | undefined
  close(): Promise<void>
}

export async function startTestCoordinator(): Promise<TestCoordinator> {
  const options = { clock: systemClock, rng: systemRng }
  const keys = await createAuthority({ name: 'test', ...options })
  const authority = await loadAuthority(keys, options)
  const pair = await issueServerCertificate(authority, {
    commonName: 'coordinator',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    validForMs: HOUR_MS,
  })
  const server = createServer({
    listen: '127.0.0.1:0',
    certificates: createCertificateSource(authority.certificatePem, pair),
    authenticator: {
      user() {
        throw new KeelsonError('UNAUTHENTICATED', 'no users here')
      },
      node: (certificate) => identityOf(certificate, CLUSTER, systemClock),
    },
    log: { error: () => undefined },
    rng: systemRng,
  })
  const tokens = new Set<string>()
  const issueToken = () => {
    const { text } = createJoinToken(systemRng, authority.fingerprint)
    tokens.add(text)
    return text
  }
  const sign = (csrPem: string, nodeName: string) =>
    signAgentCertificate(authority, csrPem, {
      nodeName,
      clusterId: CLUSTER,
      validForMs: coordinator.validForMs,
    })
  server.serve(EnrollmentServiceService, {
    async enroll(request) {
      parseJoinToken(request.joinToken)
      if (!tokens.has(request.joinToken))
        throw new KeelsonError('UNAUTHENTICATED', 'the join token is not known')
      coordinator.enrolled.push(request)
      const certificatePem = await sign(request.csrPem, request.node)
      return { certificatePem, caPem: authority.certificatePem, clusterId: CLUSTER }
    },
    async renewCertificate({ csrPem }, { identity }) {
      if (identity.kind !== 'node') throw new KeelsonError('UNAUTHENTICATED', 'not a node')
      coordinator.renewed.push(identity.node)
      const certificatePem = await sign(csrPem, identity.node)
      return { certificatePem, caPem: authority.certificatePem }
    },
  })
  server.serve(AgentServiceService, {
    async session(stream, { identity, peer }) {
      if (identity.kind !== 'node') throw new KeelsonError('UNAUTHENTICATED', 'not a node')
      if (coordinator.refuse) throw coordinator.refuse
      coordinator.sessions.push({ node: identity.node, peer, stream })
      await new Promise((resolve) => stream.signal.addEventListener('abort', resolve))
    },
  })
  const port = await server.listen()
  const coordinator: TestCoordinator = {
    address: `127.0.0.1:${port}`,
    authority,
    token: issueToken(),
    issueToken,
    enrolled: [],
    renewed: [],
    sessions: [],
    validForMs: HOUR_MS,
    refuse: undefined,
    close: () => server.close(0),
  }
  return coordinator
}
