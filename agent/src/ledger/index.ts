/** The last desired document, on the disk before it is acted upon. */
export * from './file-ledger.ts'
export * from './ledger.ts'
