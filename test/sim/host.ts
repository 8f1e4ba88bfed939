/** A simulated host: a real agent over a fake disk that outlives it. */
import { createMemoryLedger, type Ledger } from '@keelson/agent/ledger'
import { type Reconciler, startReconciler } from '@keelson/agent/reconcile'
import { type Session, startSession } from '@keelson/agent/session'
import {
  createFakeDisk,
  createFakeStorage,
  type FakeCall,
  type FakeContent,
  type FakeDisk,
  rebootFakeDisk,
  writeFakeVolume,
} from '@keelson/agent/storage'
import type { Admission } from '@keelson/coordinator/admission'
import type { Command } from '@keelson/coordinator/decide'
import { KeelsonError } from '@keelson/shared/errors'
import { createLogger } from '@keelson/shared/logging'
import type { Clock, Rng } from '@keelson/shared/runtime'
import type { Network } from './network.ts'

/** What a host is made of. */
export interface HostOptions {
  readonly name: string
  readonly rack: string
  readonly clock: Clock
  readonly rng: Rng
  readonly network: Network
  readonly note: (what: string) => void
}

/** A host of a world. */
export interface SimulatedHost {
  readonly name: string
  readonly disk: FakeDisk
  /** Chance that a call to the disk fails, before or after its effect. */
  diskFaults: number
  /** The command that lets the host in. */
  enrollment(admission: Admission): Command
  /** Starts the agent; nothing if it runs. */
  start(): void
  /** As `kill -9` of the agent. */
  crash(): void
  /** The host loses power: the agent and every device are gone, the disk stays. */
  reboot(): void
  /** What the agent is doing, for the story of a failed run. */
  story(): string
  /** Somebody removes the data of the newest snapshot; its uid, or undefined if there is none. */
  loseSnapshot(): string | undefined
  /** Data that was written to a volume and is not on it any more, and snapshots that changed. */
  lostData(): string[]
}

interface Running {
  readonly session: Session
  readonly reconciler: Reconciler
  alive: boolean
}

const DISK_BYTES = 2 ** 44
const MARK = 'marked'

/** A host without a running agent. */
export function createHost(options: HostOptions): SimulatedHost {
  const { name, clock, rng, network, note } = options
  const log = createLogger({ process: 'agent', level: 'silent' })
  const disk = createFakeDisk({ totalBytes: DISK_BYTES, supportsReflink: rng.next() < 0.5 })
  const ledger: Ledger = createMemoryLedger(name)
  /** Volumes somebody wrote to, by uid. */
  const marked = new Set<string>()
  /** What each snapshot held when it was taken, by uid. */
  const taken = new Map<string, FakeContent>()
  let boots = 1
  let writes = 0
  let running: Running | undefined

  const host: SimulatedHost = {
    name,
    disk,
    diskFaults: 0,
    enrollment: (admission) =>
      admission.enrollNode({
        node: name,
        labels: { 'topology.kubernetes.io/rack': options.rack },
        joinTokenId: TOKEN_ID,
        joinSecretSha256: TOKEN_HASH,
        machineKeySha256: `machine of ${name}`,
      }),
    start() {
      if (running) return
      const own: Running = { alive: true } as Running
      const driver = createFakeStorage({ disk, clock, beforeCall: fault, afterCall })
      function afterCall({ method, uid }: FakeCall): Promise<void> {
        if (method === 'createSnapshot' && !taken.has(uid))
          for (const { snapshots } of disk.pools.values())
            if (snapshots.has(uid)) taken.set(uid, snapshots.get(uid)!.content)
        // What was let go of may come back empty: a replica that moved away and joins again.
        if (method === 'removeVolume') marked.delete(uid)
        return fault()
      }
      async function fault(): Promise<void> {
        await new Promise<void>((resolve) => clock.after(rng.next() * 50, resolve))
        if (!own.alive) throw new KeelsonError('CANCELLED', 'the agent is dead')
        if (rng.next() < host.diskFaults)
          throw new KeelsonError('UNAVAILABLE', 'simulated failure of the disk')
      }
      const reconciler = startReconciler({
        driver,
        abilities: { replication: true, poolKinds: new Set(['FILE', 'FILE_THIN']) },
        desired: () => ledger.current(),
        async recordMade(items) {
          await fault()
          await ledger.recordMade(items)
          await fault()
        },
        clock,
        rng,
        log,
        onChange: () => own.session?.poke(),
      })
      const session = startSession({
        transport: network.transport(name),
        clock,
        rng,
        log,
        content: {
          hello: () => ({
            node: name,
            agentVersion: 'sim',
            ledgerGeneration: ledger.current()?.generation ?? 0,
            clusterId: ledger.current()?.clusterId ?? '',
            capabilities: ['file', 'drbd', 'kvm'],
            bootId: `${name}-${boots}`,
            os: 'simulated',
            simulated: true,
            cpuCount: 8,
            memoryBytes: 2 ** 36,
          }),
          ledgerGeneration: () => ledger.current()?.generation ?? 0,
          async store(desired) {
            await ledger.store(desired)
            reconciler.trigger()
          },
          sections: () => [],
          freshReadings: () => undefined,
          observed: () => reconciler.observed(),
        },
      })
      running = Object.assign(own, { session, reconciler })
      note(`agent of ${name} runs`)
    },
    crash() {
      if (!running) return
      running.alive = false
      running.session.stop()
      void running.reconciler.stop()
      running = undefined
      network.disconnect(name)
      mark()
      note(`agent of ${name} crashed`)
    },
    reboot() {
      host.crash()
      rebootFakeDisk(disk)
      boots++
      note(`${name} rebooted`)
    },
    story: () =>
      running
        ? JSON.stringify({ ...running.session.status(), ...running.reconciler.status() })
        : 'the agent does not run',
    loseSnapshot() {
      const found = [...disk.pools.values()].flatMap((pool) =>
        [...pool.snapshots.keys()].map((uid) => ({ pool, uid })),
      )
      const loss = found.at(-1)
      loss?.pool.snapshots.delete(loss.uid)
      if (loss) note(`${name} lost snapshot ${loss.uid}`)
      return loss?.uid
    },
    lostData: () => [
      ...volumes()
        .filter(({ uid, content }) => marked.has(uid) && content.get(0) !== MARK)
        .map((volume) => `${name}: ${volume.name} has lost its data`),
      ...[...disk.pools.values()]
        .flatMap((pool) => [...pool.snapshots.values()])
        .filter(({ state, content }) => content !== taken.get(state.uid))
        .map(({ state }) => `${name}: snapshot ${state.name} is not what was taken`),
    ],
  }

  function volumes() {
    return [...disk.pools.values()].flatMap((pool) => [...pool.volumes.values()])
  }

  /** Somebody writes to every device that is there: something that stays, and news. */
  function mark(): void {
    for (const volume of volumes().filter(({ attached }) => attached)) {
      if (!marked.has(volume.uid)) writeFakeVolume(volume, 0, MARK)
      marked.add(volume.uid)
      writeFakeVolume(volume, MARK.length, `write ${++writes}`)
    }
  }
  return host
}

/** The join token of every simulated world. */
export const TOKEN_ID = 'sim'
/** Hash of its secret; nobody checks a secret here. */
export const TOKEN_HASH = 'simulated'
