/** Reconcile loops of the coordinator. */
export * from './controllers.ts'
