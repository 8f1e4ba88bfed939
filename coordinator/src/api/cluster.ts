import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClusterServiceService } from '@keelson/shared/api'
import {
  clusterStatusCodec,
  joinTokenCodec,
  roleCodec,
  userTokenCodec,
  violationCodec,
} from '@keelson/shared/codec'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import type { JoinToken, UserToken } from '@keelson/shared/model'
import { createJoinToken, createUserToken } from '@keelson/shared/pki'
import type { Clock, Rng } from '@keelson/shared/runtime'
import { checkInvariants, type ReadonlyTable, type StateView } from '../state/index.ts'
import { writeBackup } from '../store/index.ts'
import { admin, reader } from './access.ts'
import type { CurrentTerm } from './term.ts'
import { verifyStore } from './verify.ts'

/** What ClusterService needs besides the term. */
export interface ClusterApiOptions {
  readonly current: CurrentTerm
  readonly clock: Clock
  readonly rng: Rng
  readonly version: string
  readonly caFingerprint: string
  readonly caExpiresAt: number
  /** Time from the start of the process to serving. */
  readonly startMs: () => number
}

const BACKUP_PIECE_BYTES = 512 * 1024
const DEFAULT_JOIN_TOKEN_SECONDS = 3600

/** ClusterService. */
export function clusterHandlers(
  options: ClusterApiOptions,
): ServiceHandlers<typeof ClusterServiceService> {
  const { current, clock, rng } = options
  let lastBackupAt: number | undefined

  return {
    async getClusterStatus(_request, context) {
      reader(context)
      const { pipeline, store, controllers, servingSince } = current()
      const { state } = pipeline
      const { engine, sizeBytes } = await store.status()
      return {
        status: clusterStatusCodec.write({
          clusterId: state.cluster.get('info')?.clusterId ?? '',
          version: options.version,
          storeEngine: engine,
          revision: store.revision,
          storeSizeBytes: sizeBytes,
          servingSince,
          startMs: options.startMs(),
          counts: counts(state),
          caExpiresAt: options.caExpiresAt,
          controllers: controllers.status(),
          ...(lastBackupAt !== undefined && { lastBackupAt }),
        }),
      }
    },

    async verifyCluster(_request, context) {
      reader(context)
      const { pipeline, store } = current()
      await pipeline.settled()
      const found = checkInvariants(pipeline.state)
      const { violations, recordsChecked, revision } = await verifyStore(store, pipeline)
      return {
        violations: [...found, ...violations].map(violationCodec.write),
        recordsChecked: BigInt(recordsChecked),
        resourceVersion: BigInt(revision),
      }
    },

    async *backupCluster(_request, context) {
      admin(context)
      const { store } = current()
      // The file is private (0600, own directory) and goes when the client has it or is gone.
      const directory = await mkdtemp(join(tmpdir(), 'keelson-backup-'))
      try {
        const info = await writeBackup(store, join(directory, 'backup'), clock)
        await using file = await open(info.path)
        for (;;) {
          const { bytesRead, buffer } = await file.read({
            buffer: Buffer.alloc(BACKUP_PIECE_BYTES),
          })
          if (bytesRead === 0) break
          yield {
            data: buffer.subarray(0, bytesRead),
            resourceVersion: BigInt(info.clusterRevision),
          }
        }
        lastBackupAt = clock.now()
      } finally {
        await rm(directory, { recursive: true, force: true })
      }
    },

    async createJoinToken(request, context) {
      const actor = admin(context)
      const { admission, pipeline } = current()
      const token = createJoinToken(rng, options.caFingerprint)
      const validForMs = (request.validForSeconds || DEFAULT_JOIN_TOKEN_SECONDS) * 1000
      const { record } = await pipeline.submit(
        admission.createJoinToken(actor, token, { ...request, validForMs }),
      )
      return { token: token.text, joinToken: publicJoinToken(record('joinToken', token.id)!) }
    },

    async listJoinTokens(_request, context) {
      admin(context)
      const { pipeline } = current()
      const joinTokens = inOrder(pipeline.state.joinTokens).map(publicJoinToken)
      await pipeline.settled()
      return { joinTokens }
    },

    async deleteJoinToken({ id }, context) {
      const actor = admin(context)
      const { admission, pipeline } = current()
      await pipeline.submit(admission.plain('DeleteJoinToken', actor, { id }))
      return {}
    },

    async createUserToken(request, context) {
      const actor = admin(context)
      const { admission, pipeline } = current()
      const token = createUserToken(rng)
      const { record } = await pipeline.submit(
        admission.createUserToken(actor, token, {
          user: request.user,
          role: roleCodec.read(request.role, 'role'),
          validForMs: request.validForSeconds * 1000,
        }),
      )
      return { token: token.text, userToken: publicUserToken(record('userToken', token.id)!) }
    },

    async listUserTokens(_request, context) {
      admin(context)
      const { pipeline } = current()
      const userTokens = inOrder(pipeline.state.userTokens).map(publicUserToken)
      await pipeline.settled()
      return { userTokens }
    },

    async deleteUserToken({ id }, context) {
      const actor = admin(context)
      const { admission, pipeline } = current()
      await pipeline.submit(admission.plain('DeleteUserToken', actor, { id }))
      return {}
    },
  }
}

function inOrder<T>(table: ReadonlyTable<T>): T[] {
  return table.sortedIds().map((id) => table.get(id)!)
}

/** The hash of a secret never leaves the coordinator: the codec has no field for it. */
function publicJoinToken(token: JoinToken) {
  return joinTokenCodec.write(token)
}

function publicUserToken(token: UserToken) {
  return userTokenCodec.write(token)
}

function counts(state: StateView): Record<string, number> {
  const result: Record<string, number> = {
    nodes: state.nodes.size,
    pools: state.pools.size,
    volumes: state.volumes.size,
    snapshots: state.snapshots.size,
  }
  const add = (key: string) => {
    result[key] = (result[key] ?? 0) + 1
  }
  for (const { status } of state.nodes.values()) add(`nodes.${status.phase.toLowerCase()}`)
  for (const { status } of state.pools.values()) add(`pools.${status.phase.toLowerCase()}`)
  for (const { status } of state.volumes.values()) add(`volumes.${status.phase.toLowerCase()}`)
  for (const { status } of state.snapshots.values()) add(`snapshots.${status.phase.toLowerCase()}`)
  return result
}
