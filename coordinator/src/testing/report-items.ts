/** The items of a script's `observed` line: `volume/data=Ready,size=1GiB`. */
import type { ItemPhase, ObservedState, SnapshotMethod } from '@keelson/shared/model'
import { parseSize } from '@keelson/shared/model'
import type { StateView } from '../state/index.ts'
import { observedPool, observedReplica, observedSnapshot } from './report.ts'

interface Item {
  readonly kind: string
  readonly name: string
  readonly phase: ItemPhase
  readonly size: (key: string) => number | undefined
  readonly text: (key: string) => string
}

/** A report's items; names the state does not know get a uid that it does not know either. */
export function parseItems(
  state: StateView,
  node: string,
  texts: readonly string[],
): Pick<ObservedState, 'pools' | 'replicas' | 'snapshots'> {
  const items = texts.map(parseItem)
  const of = (kind: string) => items.filter((item) => item.kind === kind)
  return {
    pools: of('pool').map(({ name, phase, size, text }) =>
      observedPool(state.pools.get(`${node}/${name}`)?.meta.uid ?? `no-pool-${name}`, {
        phase,
        message: text('message'),
        totalBytes: size('total') ?? 0,
        freeBytes: size('free') ?? 0,
      }),
    ),
    replicas: of('volume').map(({ name, phase, size, text }) => {
      const volume = state.volumes.get(name)
      const fallback = phase === 'Ready' ? (volume?.spec.sizeBytes ?? 0) : 0
      return observedReplica(volume?.meta.uid ?? `no-volume-${name}`, {
        phase,
        message: text('message'),
        sizeBytes: size('size') ?? fallback,
        allocatedBytes: size('allocated') ?? 0,
        devicePath: phase === 'Ready' ? `/dev/keelson/${name}` : '',
      })
    }),
    snapshots: of('snapshot').map(({ name, phase, size, text }) => {
      const method = text('method')
      return observedSnapshot(state.snapshots.get(name)?.meta.uid ?? `no-snapshot-${name}`, {
        phase,
        message: text('message'),
        copiedBytes: size('copied') ?? 0,
        ...(method !== '' && { method: method as SnapshotMethod }),
      })
    }),
  }
}

function parseItem(text: string): Item {
  const match = /^(pool|volume|snapshot)\/([^=]+)=(Pending|Ready|Failed|Absent)((?:,.*)?)$/.exec(
    text,
  )
  if (!match) throw new Error(`"${text}" is not KIND/NAME=PHASE[,key=value…]`)
  const [, kind = '', name = '', phase = '', rest = ''] = match
  const entries = rest.split(',').map((pair) => pair.split('=') as [string, string?])
  const values = new Map(entries.map(([key, value = '']) => [key, value]))
  return {
    kind,
    name,
    phase: phase as ItemPhase,
    size: (key) => (values.has(key) ? parseSize(values.get(key)!) : undefined),
    text: (key) => values.get(key) ?? '',
  }
}
