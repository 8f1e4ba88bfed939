/** A running coordinator: terms behind one TLS server. */

import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { PlacementReport } from '@keelson/shared/api'
import { placementReportCodec } from '@keelson/shared/codec'
import { assert, KeelsonError } from '@keelson/shared/errors'
import {
  createCertificateSource,
  createServer,
  type ReportCodec,
  type Server,
} from '@keelson/shared/grpc'
import type { Logger } from '@keelson/shared/logging'
import type { PlacementReport as Report } from '@keelson/shared/model'
import {
  type Authority,
  createAuthority,
  createUserToken,
  identityOf,
  issueServerCertificate,
  loadAuthority,
  parseUserToken,
  renewalTime,
  secretMatches,
  type UserIdentity,
  validityOf,
} from '@keelson/shared/pki'
import type { Clock, Rng, Timer } from '@keelson/shared/runtime'
import { type Health, serveApi } from './api/index.ts'
import {
  type DataDirectory,
  type RunOptions,
  readContextToken,
  writeContext,
} from './config/index.ts'
import { openLmdbStore } from './store/index.ts'
import { DEFAULT_LIMITS, startTerms, type Terms } from './terms.ts'

/** A coordinator that serves. */
export interface Coordinator {
  readonly port: number
  stop(): Promise<void>
}

/** What a coordinator is made of. */
export interface CoordinatorParts {
  readonly options: RunOptions
  readonly data: DataDirectory
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Logger
  readonly version: string
  /** When the process began. */
  readonly startedAt: number
}

const SERVER_CERTIFICATE_VALID_FOR_MS = 30 * 24 * 3600 * 1000
/**
 * Renewed after two thirds; a host that was down over a long weekend still comes back by itself.
 */
const AGENT_CERTIFICATE_VALID_FOR_MS = 7 * 24 * 3600 * 1000
/** Agents send heartbeats and ping by themselves; this is for watchers that vanished. */
const SERVER_KEEPALIVE = { idleMs: 20_000, timeoutMs: 5_000 }
const STOP_GRACE_MS = 2_000

const reports: ReportCodec = {
  typeUrl: 'type.googleapis.com/keelson.v1.PlacementReport',
  encode: (report) => PlacementReport.encode(placementReportCodec.write(report as Report)).finish(),
  decode: (bytes) => placementReportCodec.read(PlacementReport.decode(bytes), 'report'),
}

/** Starts a coordinator on an opened data directory. */
export async function startCoordinator(parts: CoordinatorParts): Promise<Coordinator> {
  const { options, data, clock, rng, log } = parts
  let health: Health | undefined
  const terms = await startTerms({
    clock,
    rng,
    log,
    limits: DEFAULT_LIMITS,
    checked: options.checked,
    openStore: () =>
      openLmdbStore({ directory: data.storePath, create: data.clusterId === undefined }),
    createAuthority: (clusterId) =>
      createAuthority({ clock, rng, name: `Keelson ${clusterId.slice(0, 8)}` }),
    onServing: (serving) => health?.set(serving),
  })
  try {
    const { state } = terms.current().pipeline
    const clusterId = state.cluster.get('info')?.clusterId
    const keys = state.authority.get('ca')
    assert(clusterId && keys, 'a term has a cluster and its authority')
    await checkOwner(data, clusterId)
    const authority = await loadAuthority(keys, { clock, rng })
    const identity = await serverIdentity(authority, options, parts)
    const server = createServer({
      listen: options.listen,
      keepalive: SERVER_KEEPALIVE,
      certificates: identity.source,
      authenticator: {
        user: (token) => authenticate(terms, clock, token),
        node: (der) => identityOf(der, clusterId, clock),
      },
      log,
      rng,
      reports,
    })
    let startMs = 0
    health = serveApi(server, {
      current: terms.current,
      clock,
      rng,
      version: parts.version,
      authority,
      caFingerprint: authority.fingerprint,
      caExpiresAt: validityOf(authority.certificatePem).notAfter,
      certificateValidForMs: AGENT_CERTIFICATE_VALID_FOR_MS,
      startMs: () => startMs,
    })
    const port = await server.listen()
    health.set(true)
    startMs = clock.now() - parts.startedAt
    await offerContext(terms, parts, authority, port)
    return { port, stop: () => stopAll(server, terms, identity.renewal, data) }
  } catch (error) {
    await terms.stop()
    throw error
  }
}

/** The directory belongs to one cluster for good. */
async function checkOwner(data: DataDirectory, clusterId: string): Promise<void> {
  if (data.clusterId === undefined) return data.remember(clusterId)
  if (data.clusterId !== clusterId)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `${data.path} belongs to cluster ${data.clusterId}, its store to ${clusterId}`,
    )
}

async function stopAll(
  server: Server,
  terms: Terms,
  renewal: { timer: Timer | undefined },
  data: DataDirectory,
): Promise<void> {
  renewal.timer?.cancel()
  await server.close(STOP_GRACE_MS)
  await terms.stop()
  await data.close()
}

/** Longest delay of a timer; certificates live longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A certificate for this process, made anew at each start and renewed while it runs. */
async function serverIdentity(
  authority: Authority,
  options: RunOptions,
  { clock, log }: CoordinatorParts,
) {
  const names = serverNames(options)
  const issue = () =>
    issueServerCertificate(authority, {
      commonName: 'keelson-coordinator',
      ...names,
      validForMs: SERVER_CERTIFICATE_VALID_FOR_MS,
    })
  const source = createCertificateSource(authority.certificatePem, await issue())
  const renewal: { timer: Timer | undefined } = { timer: undefined }
  const schedule = () => {
    const dueInMs = renewalTime(source.current().certificatePem) - clock.now()
    renewal.timer = clock.after(Math.min(Math.max(dueInMs, 1_000), LONGEST_TIMER_MS), async () => {
      try {
        source.replace(await issue())
      } catch (err) {
        log.error({ err }, 'the server certificate cannot be renewed')
      }
      schedule()
    })
  }
  schedule()
  return { source, renewal }
}

function serverNames({ advertise, listen }: RunOptions) {
  const host = listen.slice(0, listen.lastIndexOf(':')).replace(/^\[|\]$/g, '')
  const own = Object.values(networkInterfaces()).flatMap((links) =>
    (links ?? []).map((link) => link.address.replace(/%.*$/, '')),
  )
  const all = new Set(['localhost', '127.0.0.1', '::1', hostname(), host, ...own, ...advertise])
  const names = [...all].filter((name) => name !== '' && name !== '0.0.0.0' && name !== '::')
  return {
    dnsNames: names.filter((name) => isIP(name) === 0),
    ipAddresses: names.filter((name) => isIP(name) !== 0),
  }
}

function authenticate(terms: Terms, clock: Clock, text: string): UserIdentity {
  const refused = new KeelsonError('UNAUTHENTICATED', 'the token is not known, or has expired')
  let id: string
  let secret: string
  try {
    ;({ id, secret } = parseUserToken(text))
  } catch {
    throw refused
  }
  const token = terms.current().pipeline.state.userTokens.get(id)
  if (!token || !secretMatches(secret, token.secretSha256)) throw refused
  if (token.expiresAt !== undefined && token.expiresAt <= clock.now()) throw refused
  return { kind: 'user', name: token.user, role: token.role }
}

/** Writes the first user's context, or brings the address of an existing one up to date. */
async function offerContext(
  terms: Terms,
  { options, clock, rng, log }: CoordinatorParts,
  authority: Authority,
  port: number,
): Promise<void> {
  const { cliContext } = options
  if (cliContext === '') return
  const { admission, pipeline } = terms.current()
  let token = await readContextToken(cliContext)
  try {
    if (token !== undefined) authenticate(terms, clock, token)
  } catch {
    log.warn({ path: cliContext }, 'the CLI context has a token of another cluster; replacing it')
    token = undefined
  }
  if (token === undefined) {
    const issued = createUserToken(rng)
    await pipeline.submit(
      admission.createUserToken('controller/start', issued, {
        user: 'admin',
        role: 'admin',
        validForMs: 0,
      }),
    )
    token = issued.text
  }
  const host = options.listen.slice(0, options.listen.lastIndexOf(':'))
  const reachable = host === '0.0.0.0' || host === '[::]' ? '127.0.0.1' : host
  await writeContext(cliContext, {
    servers: [`${reachable}:${port}`],
    authority: authority.certificatePem,
    token,
  })
}
