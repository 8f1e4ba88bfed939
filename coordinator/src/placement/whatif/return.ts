/** A failed host comes back: what its failure moved goes back to where it was. */
import { KeelsonError } from '@keelson/shared/errors'
import { MEMORY, type PlacedMachine } from '../fleet/index.ts'
import { survivalOf } from '../guarantee/index.ts'
import { affectedBy, heal } from './heal.ts'
import { addMove, createNotes, moveTo, type Notes, open, type Play } from './play.ts'

/** Plays the return of a host; FAILED_PRECONDITION if it has not failed. */
export function returnHost(play: Play, node: string, notes: Notes): void {
  if (play.world.rules.gone?.[play.world.fleet.hostRow(node)] === 1)
    moveTo(play, play.world.change({ type: 'ReturnNode', node }))
  const host = play.fleet.hostRow(node)
  if (play.down[host] !== 1 || play.removed[host] === 1)
    throw new KeelsonError('FAILED_PRECONDITION', `node "${node}" has not failed`)
  open(play, host)
  bringBack(play, notes)
  resume(play, notes)
  retry(play, notes)
}

/** Where everything a failure moved was before, all of it is there again. */
function bringBack(play: Play, notes: Notes): void {
  const { closed, down, fleet, machinesBefore, revoted, volumesBefore, world } = play
  for (const name of revoted)
    if (world.rules.votes(name).witnesses.every((host) => down[host] !== 1)) revoted.delete(name)
  for (const [name, before] of volumesBefore) {
    const now = fleet.volumes.get(name)
    if (!now || before.pools.some((pool) => closed[fleet.poolHost[pool]!] === 1)) continue
    fleet.putVolume(before)
    volumesBefore.delete(name)
    for (const [index, pool] of before.pools.entries()) {
      const from = now.pools[index]!
      if (from === pool) continue
      addMove(notes, {
        kind: 'Replica',
        subject: `volume/${name}`,
        ...{
          fromNode: fleet.hosts[fleet.poolHost[from]!]!.name,
          fromPool: fleet.pools[from]!.name,
        },
        ...{ toNode: fleet.hosts[fleet.poolHost[pool]!]!.name, toPool: fleet.pools[pool]!.name },
        reason: 'the replica is back; only what changed since has to be copied',
      })
    }
  }
  for (const [name, before] of machinesBefore) {
    const now = fleet.machines.get(name)
    const away = closed[before.host] === 1 || (before.standby >= 0 && closed[before.standby] === 1)
    if (!now || away) continue
    fleet.putMachine(before)
    machinesBefore.delete(name)
    if (now.host !== before.host) migrateBack(play, now, before, notes)
  }
}

function migrateBack(
  { fleet }: Play,
  now: PlacedMachine,
  before: PlacedMachine,
  notes: Notes,
): void {
  const { name: toNode } = fleet.hosts[before.host]!
  addMove(notes, {
    kind: 'Migrate',
    subject: `vm/${now.name}`,
    fromNode: fleet.hosts[now.host]!.name,
    toNode,
    copiedBytes: memoryOf(now),
    reason: `${toNode} is back`,
  })
}

/** Bytes that are copied when a machine migrates. */
export function memoryOf({ amounts }: PlacedMachine): number {
  return amounts.reduce((sum, { amount, column }) => (column === MEMORY ? sum + amount : sum), 0)
}

/** Machines that stood still only because their host or a volume was away run again. */
function resume(play: Play, notes: Notes): void {
  const { down, fleet, rules, stopped } = play
  for (const name of [...stopped]) {
    const machine = fleet.machines.get(name)
    if (!machine || down[machine.host] === 1) continue
    const usable = machine.volumes.every((volume) => {
      const placed = fleet.volumes.get(volume)
      return !placed || survivalOf(fleet, placed, rules.votes(volume), down).usable
    })
    if (!usable) continue
    stopped.delete(name)
    const { name: host } = fleet.hosts[machine.host]!
    notes.impacts.push({
      subject: `vm/${name}`,
      kind: 'Restarts',
      reason: `it starts again on ${host}`,
    })
  }
}

/** Tries once more what found no room before; tells only of what is better now. */
export function retry(play: Play, notes: Notes): void {
  const again = createNotes()
  const offset = notes.moves.length
  heal(play, affectedBy(play, play.down), again)
  for (const impact of again.impacts)
    if (impact.kind === 'Restarts' || impact.kind === 'RedundancyReduced')
      notes.impacts.push(impact)
  for (const { number, ...move } of again.moves)
    addMove(notes, { ...move, after: move.after.map((before) => before + offset) })
}
