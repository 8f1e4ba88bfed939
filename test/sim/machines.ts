/** Clients that make machines with volumes, halt, start, move and delete them. */
import { NO_RULES, type RunPolicy, type VirtualMachineSpec } from '@keelson/shared/model'
import { type Expectations, request } from './request.ts'
import type { World } from './world.ts'

const GIB = 2 ** 30
const ACTOR = 'user/sim'

/** One thing a client does with its machines; `mine` are those it has. */
export async function useMachines(
  world: World,
  expectations: Expectations,
  fresh: string,
  mine: readonly string[],
): Promise<void> {
  const { rng } = world
  const name = mine[Math.floor(rng.next() * mine.length)]
  const dice = rng.next()
  if (name === undefined || dice < 0.4) return create(world, expectations, fresh)
  if (dice < 0.6) {
    const toNode = ''
    await request(world, ({ admission }) =>
      admission.plain('MoveVirtualMachine', ACTOR, { name, toNode }),
    )
    return
  }
  if (dice < 0.8) {
    const runPolicy: RunPolicy = rng.next() < 0.5 ? 'Halted' : 'Always'
    await request(world, ({ admission }) =>
      admission.updateVirtualMachine(ACTOR, {
        ...{ name, runPolicy, setLabels: {}, removeLabels: [], expectedResourceVersion: 0 },
      }),
    )
    return
  }
  const deleted = await request(world, ({ admission }) =>
    admission.plain('DeleteVirtualMachine', ACTOR, { name, keepVolumes: false }),
  )
  if (!deleted) return
  for (const gone of [name, volumeOf(name)]) {
    const expectation = expectations.get(gone)
    if (expectation) expectation.state = 'deleted'
  }
}

async function create(world: World, expectations: Expectations, name: string): Promise<void> {
  const { rng } = world
  const replicas = 1 + Math.floor(rng.next() * 3)
  const spec = specOf(GIB * (1 + Math.floor(rng.next() * 8)), replicas)
  const named = { name, labels: {}, dryRun: false }
  if (
    !(await request(world, ({ admission }) => admission.createVirtualMachine(ACTOR, named, spec)))
  )
    return
  const volume = volumeOf(name)
  expectations.set(name, { kind: 'machine', name, state: 'present', sizeBytes: 0 })
  expectations.set(volume, { kind: 'volume', name: volume, state: 'present', sizeBytes: GIB })
}

/** The volume made with a machine. */
function volumeOf(machine: string): string {
  return `${machine}-root`
}

function specOf(memoryBytes: number, replicas: number): VirtualMachineSpec {
  const volume = { storageClass: '', pool: '', nodes: [], sourceSnapshot: '' }
  const newVolume = { name: '', keep: false, spec: { sizeBytes: GIB, replicas, ...volume } }
  return {
    runPolicy: 'Always',
    compute: {
      vcpus: 1,
      cpuPolicy: 'Shared',
      isolateEmulatorThread: false,
      memoryBytes,
      hugepageSizeBytes: 0,
      numaPolicy: 'Any',
      devices: [],
      cpuModel: 'host-model',
      cpuFeatures: [],
      architecture: 'amd64',
      tpm: false,
      headless: false,
    },
    rules: NO_RULES,
    disks: [
      {
        ...{ name: 'root', bus: 'Virtio', readOnly: false },
        source: { type: 'NewVolume', newVolume },
      },
    ],
    interfaces: [],
    volumeLocality: 'Preferred',
    evictionPolicy: 'Migrate',
    priority: 0,
  }
}
