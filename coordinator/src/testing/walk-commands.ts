/** What the actions of a walk mean: commands for the state they meet, so that most hit something. */
import type {
  FailureDomainMode,
  ItemPhase,
  ObjectMeta,
  ObservedState,
  Volume,
} from '@keelson/shared/model'
import { RACK_LABEL } from '@keelson/shared/model'
import type { Command } from '../decide/index.ts'
import type { ReadonlyTable, StateView } from '../state/index.ts'
import { faithfulReport, helloOf, observedPool, reportOf } from './report.ts'
import { type Action, CLASSES, NODES, VOLUMES } from './walk.ts'
import { createWorld, type Fields, type World } from './world.ts'

const GIB = 2 ** 30

/** A world with four hosts in three racks, each with a pool of 8 GiB, and three classes. */
export function createPopulatedWorld(): World {
  const world = createWorld()
  for (const [index, name] of NODES.slice(0, 4).entries()) {
    take(world, { does: 'enroll', node: name })
    take(world, { does: 'hello', node: name, ledger: 0 })
    take(world, { does: 'label', node: name, rack: `r${index % 3}` })
    take(world, { does: 'createPool', node: name, pool: 'p0', kind: 'FILE_THIN' })
    const { uid } = world.state.pools.get(`${name}/p0`)!.meta
    const pools = [observedPool(uid, { totalBytes: 8 * GIB, freeBytes: 8 * GIB })]
    world.run('RecordObserved', name, { node: name, observed: reportOf({ pools }) })
  }
  for (const name of CLASSES) take(world, { does: 'createClass', storageClass: name })
  return world
}

function take(world: World, step: Action): void {
  for (const command of commandsOf(world, step)) world.decide(command)
}

/** The commands an action means, each made for the state after those before it. */
export function* commandsOf(world: World, step: Action): Generator<Command, void, undefined> {
  if (step.does !== 'reportAll') return yield commandOf(world, step)
  for (const node of NODES) {
    if (!world.state.nodes.has(node)) continue
    yield commandOf(world, { does: 'hello', node, ledger: 0 })
    yield commandOf(world, { does: 'report', node })
  }
}

function commandOf(world: World, step: Exclude<Action, { readonly does: 'reportAll' }>): Command {
  switch (step.does) {
    case 'report':
      return made(world, 'RecordObserved', step.node, {
        node: step.node,
        observed: faithfulReport(world.state, step.node),
      })
    case 'reportOdd':
      return made(world, 'RecordObserved', step.node, {
        node: step.node,
        observed: oddReport(world.state, step.node, step.oddness),
      })
    case 'refresh':
      return made(world, 'RefreshVolumes', 'all', { volumes: VOLUMES })
    case 'prune':
      return made(world, 'PruneHistory', 'history', {
        keepEvents: step.keepEvents,
        keepOperations: step.keepOperations,
      })
    case 'cancelOperation': {
      const all = [...world.state.operations.values()]
      const running = all.filter(({ phase }) => phase === 'Running')
      const some = running.length > 0 ? running : all
      const name = some[step.index % Math.max(1, some.length)]?.meta.name ?? 'none'
      return made(world, 'CancelOperation', name, { name })
    }
    default:
      return userCommand(world, step) ?? hostCommand(world, step)
  }
}

type Rest = Exclude<
  Action,
  { readonly does: 'report' | 'reportAll' | 'reportOdd' | 'refresh' | 'prune' | 'cancelOperation' }
>

function userCommand(world: World, step: Rest): Command | undefined {
  const labels = {}
  switch (step.does) {
    case 'createVolume':
      return made(world, 'CreateVolume', step.volume, {
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
      return made(world, 'ResizeVolume', step.volume, {
        name: step.volume,
        sizeBytes: sizeOf(world.state.volumes.get(step.volume)) + step.growthGib * GIB,
      })
    case 'deleteVolume':
      return made(world, 'DeleteVolume', step.volume, { name: step.volume })
    case 'createSnapshot': {
      const ready = namesOf(world.state.volumes, ({ status }) => status.phase === 'Ready')
      return made(world, 'CreateSnapshot', step.snapshot, {
        name: step.snapshot,
        labels,
        volume: oneOf(ready, step.volume),
      })
    }
    case 'restoreSnapshot': {
      const ready = namesOf(world.state.snapshots, ({ status }) => status.phase === 'Ready')
      const snapshot = oneOf(ready, step.snapshot)
      const { sizeBytes = 0 } = world.state.snapshots.get(snapshot)?.status ?? {}
      return made(world, 'RestoreSnapshot', snapshot, {
        snapshot,
        volume: oneOf(
          VOLUMES.filter((name) => !world.state.volumes.has(name)),
          step.volume,
        ),
        sizeBytes: step.growthGib === 0 ? 0 : sizeBytes + step.growthGib * GIB,
        labels,
      })
    }
    case 'deleteSnapshot':
      return made(world, 'DeleteSnapshot', step.snapshot, { name: step.snapshot })
    case 'createClass':
      return made(world, 'CreateClass', step.storageClass, {
        name: step.storageClass,
        labels,
        spec: { ...CLASS_SPEC, failureDomainMode: MODES[step.storageClass] ?? 'Same' },
      })
    case 'deleteClass':
      return made(world, 'DeleteClass', step.storageClass, { name: step.storageClass })
    default:
      return undefined
  }
}

function namesOf<T extends { readonly meta: ObjectMeta }>(
  table: ReadonlyTable<T>,
  matches: (item: T) => boolean,
): string[] {
  return [...table.values()].filter(matches).map(({ meta }) => meta.name)
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

function hostCommand(world: World, step: Rest): Command {
  switch (step.does) {
    case 'createPool':
      return made(world, 'CreatePool', `${step.node}/${step.pool}`, {
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
      return made(world, 'DeletePool', `${step.node}/${step.pool}`, {
        node: step.node,
        name: step.pool,
      })
    case 'enroll':
      return enrollment(world, step.node)
    case 'hello': {
      const hello = helloOf(step.node, { ledgerGeneration: step.ledger })
      return made(world, 'RecordHello', step.node, { hello, address: '' })
    }
    case 'silence':
      return made(world, 'SetNodePhase', step.node, {
        node: step.node,
        phase: 'Offline',
        reason: 'no heartbeat',
      })
    case 'cordon':
      return updated(world, step.node, { schedulable: step.schedulable })
    case 'label':
      return updated(world, step.node, { setLabels: { [RACK_LABEL]: step.rack } })
    case 'deleteNode':
      return made(world, 'DeleteNode', step.node, { node: step.node })
    default:
      throw new Error(`no command for ${step.does}`)
  }
}

function made<T extends Command['type']>(
  world: World,
  type: T,
  subject: string,
  fields: Fields<T>,
): Command {
  return { type, stamp: world.stamp(`${type} ${subject}`), ...fields } as unknown as Command
}

function updated(world: World, name: string, fields: Partial<Fields<'UpdateNode'>>): Command {
  return made(world, 'UpdateNode', name, { node: name, setLabels: {}, removeLabels: [], ...fields })
}

function enrollment(world: World, name: string): Command {
  const id = 'everybody'
  if (!world.state.joinTokens.has(id))
    world.run('CreateJoinToken', id, {
      id,
      secretSha256: 'secret',
      expiresAt: Number.MAX_SAFE_INTEGER,
      node: '',
    })
  return made(world, 'EnrollNode', name, {
    node: name,
    labels: {},
    joinTokenId: id,
    joinSecretSha256: 'secret',
    machineKeySha256: `machine of ${name}`,
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
