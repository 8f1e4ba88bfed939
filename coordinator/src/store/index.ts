/** Where the coordinator's state is kept: the `Store` seam, its engines, backups. */
export * from './backup.ts'
export * from './history.ts'
export * from './lmdb.ts'
export * from './memory.ts'
export * from './store.ts'
