/** What the actions of a walk mean: commands for the state they meet. */
import type { FailureDomainMode, ItemPhase, ObservedState, Volume } from '@keelson/shared/model'
import { RACK_LABEL } from '@keelson/shared/model'
import type { Command } from '../decide/index.ts'
import type { ReadonlyTable, StateView } from '../state/index.ts'
import { faithfulReport, helloOf, observedPool } from './report.ts'
import { type Action, CLASSES, NODES, VOLUMES } from './walk.ts'
import { machineCommand } from './walk-machines.ts'
import { createWorld, type Fields, made, type Scene, type World } from './world.ts'

const GIB = 2 ** 30

/** Four hosts in three racks, each with a pool of 8 GiB, and three classes. */
export function* populate(scene: Scene): Generator<Command, void, undefined> {
  yield made(scene, 'CreateJoinToken', TOKEN, {
    id: TOKEN,
    secretSha256: 'secret',
    expiresAt: Number.MAX_SAFE_INTEGER,
    node: '',
  })
  for (const [index, node] of NODES.slice(0, 4).entries()) {
    yield* commandsOf(scene, { does: 'enroll', node })
    yield* commandsOf(scene, { does: 'hello', node, ledger: 0 })
    yield* commandsOf(scene, { does: 'label', node, rack: `r${index % 3}` })
    yield* commandsOf(scene, { does: 'createPool', node, pool: 'p0', kind: 'FILE_THIN' })
    yield* commandsOf(scene, { does: 'report', node })
  }
  for (const name of CLASSES) yield* commandsOf(scene, { does: 'createClass', storageClass: name })
}

/** A world that is populated. */
export function createPopulatedWorld(): World {
  const world = createWorld()
  for (const command of populate(world)) world.decide(command)
  return world
}

/** The commands an action means, each made for the state after those before it. */
export function* commandsOf(scene: Scene, step: Action): Generator<Command, void, undefined> {
  if (step.does !== 'reportAll') return yield commandOf(scene, step)
  for (const node of NODES) {
    if (!scene.state.nodes.has(node)) continue
    yield commandOf(scene, { does: 'hello', node, ledger: 0 })
    yield commandOf(scene, { does: 'report', node })
  }
}

function commandOf(scene: Scene, step: Exclude<Action, { readonly does: 'reportAll' }>): Command {
  switch (step.does) {
    case 'report':
      return made(scene, 'RecordObserved', step.node, {
        node: step.node,
        observed: faithfulReport(scene.state, step.node),
      })
    case 'reportOdd':
      return made(scene, 'RecordObserved', step.node, {
        node: step.node,
        observed: oddReport(scene.state, step.node, step.oddness),
      })
    case 'refresh':
      return made(scene, 'RefreshVolumes', 'all', { volumes: VOLUMES })
    case 'refreshMachines':
      return made(scene, 'RefreshVirtualMachines', 'all', {
        machines: scene.state.virtualMachines.sortedIds(),
      })
    case 'prune':
      return made(scene, 'PruneHistory', 'history', {
        keepEvents: step.keepEvents,
        keepOperations: step.keepOperations,
      })
    case 'cancelOperation': {
      const { operations } = scene.state
      const running = namesOf(operations, ({ phase }) => phase === 'Running')
      const some = running.length > 0 ? running : operations.sortedIds()
      const name = some[step.index % Math.max(1, some.length)] ?? 'none'
      return made(scene, 'CancelOperation', name, { name })
    }
    default:
      return userCommand(scene, step) ?? machineCommand(scene, step) ?? hostCommand(scene, step)
  }
}

type Rest = Exclude<
  Action,
  {
    readonly does:
      | 'report'
      | 'reportAll'
      | 'reportOdd'
      | 'refresh'
      | 'refreshMachines'
      | 'prune'
      | 'cancelOperation'
  }
>

function userCommand(scene: Scene, step: Rest): Command | undefined {
  const labels = {}
  switch (step.does) {
    case 'createVolume':
      return made(scene, 'CreateVolume', step.volume, {
        name: step.volume,
        labels,
        spec: {
          sizeBytes: step.sizeGib * GIB,
          storageClass: step.storageClass,
          pool: '',
          replicas: step.replicas,
          nodes: [...step.nodes].sort(),
          sourceSnapshot: '',
        },
      })
    case 'resizeVolume':
      return made(scene, 'ResizeVolume', step.volume, {
        name: step.volume,
        sizeBytes: sizeOf(scene.state.volumes.get(step.volume)) + step.growthGib * GIB,
      })
    case 'moveReplica': {
      const { hosts, volumes } = scene.state
      const some = namesOf(
        volumes,
        ({ meta, spec, status }) =>
          spec.replicas > 1 && status.phase === 'Ready' && hosts.snapshotsOf(meta.name).size === 0,
      )
      const volume = oneOf(some, step.volume)
      const replicas = scene.state.volumes.get(volume)?.status.replicas ?? []
      const fromNode = replicas[step.position % Math.max(1, replicas.length)]?.node ?? 'n0'
      return made(scene, 'MoveReplica', volume, { volume, fromNode, toNode: step.to, toPool: '' })
    }
    case 'deleteVolume':
      return made(scene, 'DeleteVolume', step.volume, { name: step.volume })
    case 'createSnapshot': {
      const ready = namesOf(scene.state.volumes, ({ status }) => status.phase === 'Ready')
      return made(scene, 'CreateSnapshot', step.snapshot, {
        name: step.snapshot,
        labels,
        volume: oneOf(ready, step.volume),
      })
    }
    case 'restoreSnapshot': {
      const ready = namesOf(scene.state.snapshots, ({ status }) => status.phase === 'Ready')
      const snapshot = oneOf(ready, step.snapshot)
      const { sizeBytes = 0 } = scene.state.snapshots.get(snapshot)?.status ?? {}
      return made(scene, 'RestoreSnapshot', snapshot, {
        snapshot,
        volume: oneOf(
          VOLUMES.filter((name) => !scene.state.volumes.has(name)),
          step.volume,
        ),
        sizeBytes: step.growthGib === 0 ? 0 : sizeBytes + step.growthGib * GIB,
        labels,
      })
    }
    case 'deleteSnapshot':
      return made(scene, 'DeleteSnapshot', step.snapshot, { name: step.snapshot })
    case 'createClass':
      return made(scene, 'CreateClass', step.storageClass, {
        name: step.storageClass,
        labels,
        spec: { ...CLASS_SPEC, failureDomainMode: MODES[step.storageClass] ?? 'Same' },
      })
    case 'deleteClass':
      return made(scene, 'DeleteClass', step.storageClass, { name: step.storageClass })
    default:
      return undefined
  }
}

function namesOf<T>(table: ReadonlyTable<T>, matches: (item: T) => boolean): string[] {
  return table.sortedIds().filter((name) => matches(table.get(name)!))
}

/** The name that was drawn if it is among them, else the first; the drawn one if there is none. */
function oneOf(names: readonly string[], drawn: string): string {
  return names.includes(drawn) ? drawn : (names[0] ?? drawn)
}

function sizeOf(item: Volume | undefined): number {
  return item?.spec.sizeBytes ?? GIB
}

const CLASS_SPEC = {
  replicas: 2,
  pool: '',
  poolKinds: [],
  poolSelector: '',
  failureDomain: RACK_LABEL,
}
const MODES: Readonly<Record<string, FailureDomainMode>> = {
  different: 'Different',
  prefer: 'PreferDifferent',
}

function hostCommand(scene: Scene, step: Rest): Command {
  switch (step.does) {
    case 'createPool':
      return made(scene, 'CreatePool', `${step.node}/${step.pool}`, {
        name: step.pool,
        labels: {},
        spec: {
          node: step.node,
          kind: step.kind,
          path: `/srv/${step.pool}`,
          overcommitPercent: step.kind === 'FILE' ? 100 : 150,
        },
      })
    case 'deletePool':
      return made(scene, 'DeletePool', `${step.node}/${step.pool}`, {
        node: step.node,
        name: step.pool,
      })
    case 'enroll':
      return enrollment(scene, step.node)
    case 'hello': {
      const hello = helloOf(step.node, { ledgerGeneration: step.ledger })
      return made(scene, 'RecordHello', step.node, { hello, address: '' })
    }
    case 'silence':
      return made(scene, 'SetNodePhase', step.node, {
        node: step.node,
        phase: 'Offline',
        reason: 'no heartbeat',
      })
    case 'cordon':
      return updated(scene, step.node, { schedulable: step.schedulable })
    case 'label':
      return updated(scene, step.node, { setLabels: { [RACK_LABEL]: step.rack } })
    case 'deleteNode':
      return made(scene, 'DeleteNode', step.node, { node: step.node })
    default:
      throw new Error(`no command for ${step.does}`)
  }
}

function updated(scene: Scene, name: string, fields: Partial<Fields<'UpdateNode'>>): Command {
  return made(scene, 'UpdateNode', name, { node: name, setLabels: {}, removeLabels: [], ...fields })
}

/** The token all hosts of a walk join with. */
const TOKEN = 'everybody'

function enrollment(scene: Scene, node: string): Command {
  return made(scene, 'EnrollNode', node, {
    node,
    labels: {},
    joinTokenId: TOKEN,
    joinSecretSha256: 'secret',
    machineKeySha256: `machine of ${node}`,
  })
}

const PHASES: readonly ItemPhase[] = ['Pending', 'Ready', 'Failed', 'Absent']

/** A report that bends the faithful one: other phases, other sizes, things nobody knows. */
function oddReport(state: StateView, name: string, oddness: readonly number[]): ObservedState {
  const honest = faithfulReport(state, name)
  let at = 0
  const bend = <T extends { readonly phase: ItemPhase }>(item: T): T => {
    const odd = oddness[at++]
    return odd === undefined ? item : { ...item, phase: PHASES[odd % 4]!, message: `odd ${odd}` }
  }
  const sizes = [0, GIB, 3 * GIB]
  return {
    ...honest,
    pools: [...honest.pools.map(bend), observedPool('nobody')],
    replicas: honest.replicas.map(bend).map((replica, index) => {
      const odd = oddness[index]
      if (odd === undefined || odd < 128) return replica
      return { ...replica, sizeBytes: sizes[odd % 3]! }
    }),
    snapshots: honest.snapshots.map(bend),
  }
}
