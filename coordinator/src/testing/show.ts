/** State and decisions as lines of a golden script: everything that matters, nothing random. */
import { KeelsonError } from '@keelson/shared/errors'
import type { DesiredState, Event, Replica, VirtualMachine, Volume } from '@keelson/shared/model'
import { formatSize, formatTaint, isDiskful } from '@keelson/shared/model'
import type { Decision } from '../decide/index.ts'
import { deriveDesiredState } from '../dispatch/index.ts'
import type { StateView } from '../state/index.ts'

/** What a decision did: its outcome, its events, and the hosts that get a new document. */
export function showDecision({ outcome, writes }: Decision, state: StateView): string {
  const lines = [`ok ${outcome.name}${writes.length === 0 ? ' (nothing to write)' : ''}`]
  if (outcome.operation !== undefined)
    lines.push(`  operation ${state.operations.get(outcome.operation)?.subject}`)
  for (const write of writes)
    if (write.kind === 'event' && write.value) lines.push(`  ${showEvent(write.value)}`)
  const documents = writes.flatMap((write) =>
    write.kind === 'generation' ? `${write.id}=${write.value?.generation}` : [],
  )
  if (documents.length > 0) lines.push(`  documents ${documents.join(' ')}`)
  return lines.join('\n')
}

/** A placement report as a dry run shows it. */
export function showPlacement({ outcome }: Decision): string {
  const { report } = outcome
  if (!report) return `would be ${outcome.name}`
  const lines = [`would be ${outcome.name}: ${report.summary}`]
  for (const verdict of report.nodes) {
    const why = verdict.chosen ? 'chosen' : verdict.reason || 'fits'
    lines.push(`  ${verdict.node}/${verdict.pool} ${why}`)
  }
  return lines.join('\n')
}

/** A refusal: code, reason, message, details. Anything else is the test's own failure. */
export function showRefusal(error: unknown): string {
  if (!(error instanceof KeelsonError)) throw error
  const reason = error.reason === undefined ? '' : ` (${error.reason})`
  return [
    `error ${error.code}${reason}: ${error.message}`,
    ...error.details.map((detail) => `  ${detail}`),
  ].join('\n')
}

/** An event on one line. */
export function showEvent({ type, reason, subject, message }: Event): string {
  return `${type === 'Warning' ? 'Warning ' : ''}${reason} ${subject}: ${message}`
}

/** One of the tables of a state. */
export function showState(state: StateView, what: string): string {
  const show = TABLES[what]
  if (!show) throw new Error(`no table "${what}", there are ${Object.keys(TABLES).join(', ')}`)
  return show(state).join('\n') || 'none'
}

const TABLES: Readonly<Record<string, (state: StateView) => string[]>> = {
  nodes: (state) =>
    inOrder(state.nodes).map(({ meta, spec, status }) => {
      const labels = Object.entries(meta.labels).map(([key, value]) => `${key}=${value}`)
      const taints = (spec.taints ?? []).map(formatTaint)
      return words(
        ...[meta.name, status.phase, spec.schedulable ? '' : 'cordoned'],
        ...[...labels, ...taints],
      )
    }),
  pools: (state) =>
    inOrder(state.pools).map(({ meta, spec, status }) => {
      const id = `${spec.node}/${meta.name}`
      const sums = state.hosts.candidate(id)
      const sizes = `${formatSize(status.freeBytes)} of ${formatSize(status.totalBytes)} free`
      const promised = `${formatSize(sums?.promisedBytes ?? 0)} promised`
      return `${id} ${spec.kind} ${status.phase}, ${sizes}, ${promised}`
    }),
  classes: (state) =>
    inOrder(state.classes).map(({ meta, spec }) => `${meta.name} ${JSON.stringify(spec)}`),
  volumes: (state) => inOrder(state.volumes).flatMap(showVolume),
  snapshots: (state) =>
    inOrder(state.snapshots).flatMap(({ meta, spec, status }) => [
      `${meta.name} of ${spec.volume} ${status.phase}, ${formatSize(status.sizeBytes)}`,
      ...status.replicas.map(({ node, pool, phase, method, message }) =>
        words(`  ${node}/${pool}`, phase, method, message && `"${message}"`),
      ),
    ]),
  machines: (state) => inOrder(state.virtualMachines).flatMap(showMachine),
  operations: (state) =>
    inOrder(state.operations).map(
      ({ kind, subject, phase, progressPercent, message }) =>
        `${kind} ${subject} ${phase} ${progressPercent} %: ${message}`,
    ),
  events: (state) => inOrder(state.events).map((e) => `${e.sequence} ${showEvent(e)}`),
  tokens: (state) => [
    ...inOrder(state.joinTokens).map(({ id, usesLeft, node }) =>
      words(
        'join',
        id,
        usesLeft === undefined ? '' : `${usesLeft} uses left`,
        node && `for ${node}`,
      ),
    ),
    ...inOrder(state.userTokens).map(({ id, user, role }) => `user ${id} ${role} ${user}`),
  ],
  inventory: (state) =>
    state.inventory.sortedIds().map((id) => `${id} ${state.inventory.get(id)?.meta.sha256}`),
}

function showVolume({ meta, spec, status }: Volume): string[] {
  const sizes = words(
    formatSize(spec.sizeBytes),
    status.actualSizeBytes !== spec.sizeBytes && `(has ${formatSize(status.actualSizeBytes)})`,
  )
  const source = spec.sourceSnapshot && `of ${spec.sourceSnapshot}`
  const moving = status.move && `moving from ${status.move.fromNode} to ${status.move.toNode}`
  return [
    words(meta.name, `${spec.replicas} ×`, sizes, status.phase, source, moving),
    ...status.replicas.map(showReplica),
  ]
}

function showMachine({ meta, spec, status }: VirtualMachine): string[] {
  const { node, reserved, standbyNode } = status
  const room = reserved && `${reserved.cpuMillis}m CPU, ${formatSize(reserved.memoryBytes)}`
  return [
    words(
      ...[meta.name, spec.runPolicy, status.phase],
      node && `on ${node} with ${room}`,
      standbyNode && `standby ${standbyNode}`,
      meta.tenant && `of ${meta.tenant}`,
    ),
    ...status.disks.map(({ name, volume }) => `  disk ${name} is volume ${volume}`),
    ...status.conditions.map(({ message, reason, status: truth, type }) =>
      words(`  ${type} ${truth} ${reason}`, message && `"${message}"`),
    ),
  ]
}

function showReplica(replica: Replica): string {
  const { node, pool, phase, sizeBytes, message, drbdNodeId, drbdMinor, drbdPort } = replica
  const drbd = drbdNodeId !== undefined && `drbd ${drbdNodeId} minor ${drbdMinor} port ${drbdPort}`
  const place = isDiskful(replica) ? `${node}/${pool}` : `${node} tie-breaker`
  const size = isDiskful(replica) && formatSize(sizeBytes)
  return words(`  ${place}`, phase, size, drbd, message && `"${message}"`)
}

/** The desired document of a host. */
export function showDesired(state: StateView, node: string): string {
  const desired: DesiredState = deriveDesiredState(state, node)
  const snapshotName = (uid: string) => state.hosts.snapshotByUid(uid) ?? uid
  return [
    `${node} generation ${desired.generation}`,
    ...desired.pools.map(
      ({ name, kind, path, intent }) => `  pool ${name} ${kind} ${path} ${intent}`,
    ),
    ...desired.replicas.map((replica) => {
      const { volume, sizeBytes, intent, provisioned, sourceSnapshotUid, drbdMinor } = replica
      return words(
        isDiskful(replica) ? `  replica ${volume} ${formatSize(sizeBytes)}` : `  vote of ${volume}`,
        intent,
        provisioned && 'provisioned',
        sourceSnapshotUid && `from ${snapshotName(sourceSnapshotUid)}`,
        drbdMinor !== undefined && `minor ${drbdMinor}`,
      )
    }),
    ...desired.snapshots.map(({ name, intent, provisioned }) =>
      words(`  snapshot ${name} ${intent}`, provisioned && 'provisioned'),
    ),
  ].join('\n')
}

function words(...parts: readonly (string | false | undefined)[]): string {
  return parts.filter((part) => part !== '' && part !== false && part !== undefined).join(' ')
}

function inOrder<T>(table: {
  sortedIds(): readonly string[]
  get(id: string): T | undefined
}): T[] {
  return table.sortedIds().map((id) => table.get(id)!)
}
