/** EnrollmentService and AgentService: the border between hosts and the coordinator. */
import type { AgentServiceService, EnrollmentServiceService } from '@keelson/shared/api'
import { agentMessageCodec, coordinatorMessageCodec } from '@keelson/shared/codec'
import { KeelsonError } from '@keelson/shared/errors'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import {
  type Authority,
  hashSecret,
  parseJoinToken,
  signAgentCertificate,
} from '@keelson/shared/pki'
import { findNode } from '../decide/index.ts'
import { agent } from './access.ts'
import type { CurrentTerm } from './term.ts'

/** What the agents' services need besides the term. */
export interface AgentApiOptions {
  readonly current: CurrentTerm
  readonly authority: Authority
  readonly certificateValidForMs: number
}

/** EnrollmentService. */
export function enrollmentHandlers(
  options: AgentApiOptions,
): ServiceHandlers<typeof EnrollmentServiceService> {
  const { current, authority } = options
  const clusterId = () => current().pipeline.state.cluster.get('info')?.clusterId ?? ''
  const sign = (csrPem: string, nodeName: string) =>
    signAgentCertificate(authority, csrPem, {
      nodeName,
      clusterId: clusterId(),
      validForMs: options.certificateValidForMs,
    })

  return {
    async enroll(request) {
      const { admission, pipeline } = current()
      const token = parseJoinToken(request.joinToken)
      if (request.machineKey.length < 32)
        throw new KeelsonError('INVALID_ARGUMENT', 'machine_key has less than 32 characters')
      const command = admission.enrollNode({
        node: request.node,
        labels: request.labels,
        joinTokenId: token.id,
        joinSecretSha256: hashSecret(token.secret),
        machineKeySha256: hashSecret(request.machineKey),
      })
      // Signed first, so that a bad request costs no use of the token; given out only if let in.
      const certificatePem = await sign(request.csrPem, request.node)
      await pipeline.submit(command)
      return { certificatePem, caPem: authority.certificatePem, clusterId: clusterId() }
    },

    async renewCertificate({ csrPem }, context) {
      const node = agent(context)
      const { pipeline } = current()
      findNode(pipeline.state, node)
      return { certificatePem: await sign(csrPem, node), caPem: authority.certificatePem }
    },
  }
}

/** AgentService. */
export function agentHandlers(current: CurrentTerm): ServiceHandlers<typeof AgentServiceService> {
  return {
    async session(stream, context) {
      const node = agent(context)
      const { dispatcher } = current()
      const session = dispatcher.accept({
        node,
        address: context.peer.replace(/:\d+$/, ''),
        offer: (message) => stream.offer(coordinatorMessageCodec.write(message)),
        close: (error) => stream.close(error),
      })
      try {
        for await (const message of stream)
          await session.receive(agentMessageCodec.read(message, 'message'))
      } finally {
        session.ended()
      }
    },
  }
}
