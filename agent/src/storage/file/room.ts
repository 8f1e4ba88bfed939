/** How much room a pool has, with everything in it looked up. */
import type { PoolConfig, PoolState } from '../driver.ts'
import type { FileContext } from './context.ts'
import type { PoolDirectory } from './pool-directory.ts'
import { readPoolState } from './pool-state.ts'
import { listSnapshots } from './snapshot-store.ts'
import { readTrashBytes } from './trash.ts'
import { listVolumes } from './volume-store.ts'

/** Reads the pool's state. */
export async function readRoom(
  context: FileContext,
  pool: PoolConfig,
  directory: PoolDirectory,
): Promise<PoolState> {
  const [volumes, stored, trashBytes] = await Promise.all([
    listVolumes(pool, directory),
    listSnapshots(pool, directory),
    readTrashBytes(pool, directory),
  ])
  const snapshots = stored.map((snapshot) => snapshot.state)
  return readPoolState(context, pool, directory, { volumes, snapshots, trashBytes })
}
