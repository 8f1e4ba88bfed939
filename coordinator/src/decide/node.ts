import { KeelsonError } from '@keelson/shared/errors'
import type { HardwareSection, Hello, JoinToken, Node, Taint } from '@keelson/shared/model'
import { checkLabels, checkTaints, formatTaint, setCondition } from '@keelson/shared/model'
import type { StateView } from '../state/index.ts'
import type { CommandOf } from './command.ts'
import { createDraft, type Decision, type Draft } from './draft.ts'
import { findNode, newMeta } from './lookup.ts'

/** Lets a host in for a join token. The certificate is signed only after this is durable. */
export function decideEnrollNode(state: StateView, command: CommandOf<'EnrollNode'>): Decision {
  const { node: name, stamp } = command
  const draft = createDraft(state, stamp)
  const known = state.nodes.has(name)
  const same = state.machines.get(name)?.machineKeySha256 === command.machineKeySha256
  // A host whose first answer was lost asks again, and that is one use of the token, not two.
  const again = known && same
  const token = usableToken(state, command, again)
  if (known && !same)
    throw new KeelsonError('ALREADY_EXISTS', `another host has joined as node "${name}"`, {
      details: [`if it is gone for good: keelson node delete ${name}`],
    })
  if (again) return draft.decision({ name })
  draft.put('node', name, newNode(command))
  draft.event('Normal', 'NodeEnrolled', `node/${name}`, `joined with token ${token.id}`)
  draft.put('machine', name, { machineKeySha256: command.machineKeySha256 })
  if (token.usesLeft !== undefined)
    draft.put('joinToken', token.id, { ...token, usesLeft: token.usesLeft - 1 })
  return draft.decision({ name })
}

function usableToken(
  state: StateView,
  command: CommandOf<'EnrollNode'>,
  again: boolean,
): JoinToken {
  const token = state.joinTokens.get(command.joinTokenId)
  // One message for an unknown id and a wrong secret: a guess learns nothing.
  if (!token || token.secretSha256 !== command.joinSecretSha256)
    throw new KeelsonError('UNAUTHENTICATED', 'the join token is not known')
  if (token.expiresAt <= command.stamp.now)
    throw new KeelsonError(
      'UNAUTHENTICATED',
      `the join token expired at ${new Date(token.expiresAt).toISOString()}`,
    )
  if (token.usesLeft === 0 && !again)
    throw new KeelsonError('UNAUTHENTICATED', 'the join token has been used up')
  if (token.node !== '' && token.node !== command.node)
    throw new KeelsonError('PERMISSION_DENIED', `the join token is for node "${token.node}"`)
  return token
}

function newNode({ node, labels, stamp }: CommandOf<'EnrollNode'>): Node {
  return {
    meta: newMeta(node, labels, stamp),
    spec: { schedulable: true, profile: '' },
    status: {
      phase: 'Pending',
      conditions: [],
      agentVersion: '',
      address: '',
      desiredGeneration: 0,
      appliedGeneration: 0,
      capabilities: [],
      os: '',
      simulated: false,
      bootId: '',
    },
  }
}

/** An agent has opened a session: its host is online. */
export function decideRecordHello(state: StateView, command: CommandOf<'RecordHello'>): Decision {
  const { hello, address, stamp } = command
  const node = state.nodes.get(hello.node)
  if (!node)
    throw new KeelsonError('PERMISSION_DENIED', `node "${hello.node}" is not enrolled here`, {
      details: ['it was deleted; join it again with a new token'],
    })
  const cluster = state.cluster.get('info')
  if (hello.clusterId !== '' && hello.clusterId !== cluster?.clusterId)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `node "${hello.node}" holds data of cluster ${hello.clusterId}, this is ${cluster?.clusterId}`,
    )
  const draft = createDraft(state, stamp)
  if (node.status.bootId !== '' && node.status.bootId !== hello.bootId)
    draft.event('Normal', 'NodeRebooted', `node/${hello.node}`, `boot id ${hello.bootId}`)
  keepAhead(draft, hello)
  putPhase(draft, withHello(node, hello, address), 'Online', 'the agent has a session')
  return draft.decision({ name: hello.node })
}

/**
 * After a restore from a backup a host may have stored a newer document than this state knows of.
 * Its number is passed, never reused, or the host would refuse everything from here.
 */
function keepAhead(draft: Draft, { node, ledgerGeneration }: Hello): void {
  const known = draft.state.generations.get(node)?.generation ?? 0
  if (ledgerGeneration <= known) return
  draft.put('generation', node, { generation: ledgerGeneration + 1 })
  draft.event(
    'Warning',
    'NodeAhead',
    `node/${node}`,
    `its document has generation ${ledgerGeneration}, this state knew ${known}: restored from a backup?`,
  )
}

function withHello(node: Node, hello: Hello, address: string): Node {
  const { agentVersion, capabilities, os, simulated, bootId, cpuCount, memoryBytes } = hello
  const capacity = { cpuMillis: cpuCount * 1000, memoryBytes, storageBytes: 0 }
  return {
    ...node,
    status: {
      ...node.status,
      agentVersion,
      capabilities,
      os,
      simulated,
      bootId,
      address,
      capacity,
    },
  }
}

/** Liveness as the node controller judges it. */
export function decideSetNodePhase(state: StateView, command: CommandOf<'SetNodePhase'>): Decision {
  const draft = createDraft(state, command.stamp)
  const node = state.nodes.get(command.node)
  if (node && node.status.phase !== command.phase)
    putPhase(draft, node, command.phase, command.reason)
  return draft.decision({ name: command.node })
}

function putPhase(draft: Draft, node: Node, phase: Node['status']['phase'], why: string): void {
  const { name } = node.meta
  const conditions = setCondition(
    node.status.conditions,
    {
      type: 'Ready',
      status: phase === 'Online' ? 'True' : 'False',
      reason: phase === 'Online' ? 'AgentOnline' : 'AgentSilent',
      message: why,
    },
    draft.stamp.now,
  )
  if (draft.state.nodes.get(name)?.status.phase !== phase)
    draft.event(phase === 'Offline' ? 'Warning' : 'Normal', `Node${phase}`, `node/${name}`, why)
  const next = { ...node, status: { ...node.status, phase, conditions } }
  if (JSON.stringify(next) !== JSON.stringify(draft.state.nodes.get(name)))
    draft.put('node', name, next)
}

/** Labels, taints and scheduling. */
export function decideUpdateNode(state: StateView, command: CommandOf<'UpdateNode'>): Decision {
  const { node: name, stamp } = command
  const node = findNode(state, name)
  const labels: Record<string, string> = { ...node.meta.labels, ...command.setLabels }
  for (const key of command.removeLabels) delete labels[key]
  checkLabels(labels)
  const schedulable = command.schedulable ?? node.spec.schedulable
  const taints = changedTaints(node.spec.taints ?? [], command)
  const draft = createDraft(state, stamp)
  const tainted = !same(taints, node.spec.taints ?? [])
  const labelled = !same(labels, node.meta.labels)
  if (schedulable === node.spec.schedulable && !labelled && !tainted)
    return draft.decision({ name })
  const { taints: _, ...others } = node.spec
  draft.put('node', name, {
    ...node,
    meta: { ...node.meta, labels, generation: node.meta.generation + 1 },
    spec: { ...others, schedulable, ...(taints.length > 0 && { taints }) },
  })
  if (schedulable !== node.spec.schedulable)
    draft.event(
      'Normal',
      schedulable ? 'NodeUncordoned' : 'NodeCordoned',
      `node/${name}`,
      schedulable ? 'new work may be placed here' : 'no new work is placed here',
    )
  if (tainted)
    draft.event(
      'Normal',
      'NodeTainted',
      `node/${name}`,
      taints.map(formatTaint).join(', ') || 'it has no taint',
    )
  if (labelled) draft.event('Normal', 'NodeLabelled', `node/${name}`, JSON.stringify(labels))
  return draft.decision({ name })
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** Removed by key, set by key and effect, in order of both, so that equal taints are equal. */
function changedTaints(
  before: readonly Taint[],
  { removeTaints = [], setTaints = [] }: CommandOf<'UpdateNode'>,
): readonly Taint[] {
  checkTaints(setTaints)
  const identity = ({ effect, key }: Taint) => `${key}:${effect}`
  const kept = before.filter(({ key }) => !removeTaints.includes(key))
  const all = new Map([...kept, ...setTaints].map((taint) => [identity(taint), taint]))
  return checkTaints([...all.keys()].sort().map((key) => all.get(key)!))
}

/** Forgets a host that carries nothing. Its generation number stays, so that it never goes back. */
export function decideDeleteNode(state: StateView, command: CommandOf<'DeleteNode'>): Decision {
  const { node: name, stamp } = command
  const node = findNode(state, name)
  const pools = state.hosts.poolsOn(name).size
  const replicas = state.hosts.volumesOn(name).size
  const machines = state.hosts.machinesOn(name).size
  if (pools + replicas + machines > 0)
    throw new KeelsonError(
      'FAILED_PRECONDITION',
      `node "${name}" carries ${pools} pools, ${replicas} replicas and ${machines} machines`,
      { reason: 'in-use', details: ['delete or move them first'] },
    )
  if (node.status.phase === 'Online')
    throw new KeelsonError('FAILED_PRECONDITION', `node "${name}" is Online`, {
      reason: 'in-use',
      details: ['stop its agent first, or it would be refused and retry'],
    })
  const draft = createDraft(state, stamp)
  draft.remove('node', name)
  draft.remove('machine', name)
  for (const id of state.inventory.idsWithPrefix(`${name}/`)) draft.remove('inventory', id)
  draft.event('Normal', 'NodeDeleted', `node/${name}`, 'forgotten')
  return draft.decision({ name })
}

/** Stores hardware sections whose facts changed. */
export function decideRecordInventory(
  state: StateView,
  command: CommandOf<'RecordInventory'>,
): Decision {
  const { node, stamp } = command
  findNode(state, node)
  const draft = createDraft(state, stamp)
  for (const section of command.sections) {
    const id = `${node}/${section.meta.name}`
    const before = state.inventory.get(id)
    if (before && sameFinding(before, section)) continue
    draft.put('inventory', id, section)
    if (before && before.meta.sha256 !== section.meta.sha256)
      draft.event('Normal', 'HardwareChanged', `node/${node}`, `section ${section.meta.name}`)
  }
  return draft.decision({ name: node })
}

/** Equal facts, read equally well; when and how long it took does not matter. */
function sameFinding({ meta: a }: HardwareSection, { meta: b }: HardwareSection): boolean {
  if (a.sha256 !== b.sha256 || a.status !== b.status) return false
  return JSON.stringify(a.gaps) === JSON.stringify(b.gaps)
}
