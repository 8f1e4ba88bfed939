/** The public API and the agents' services on one server: who, decode, submit, encode. */
export type { Health } from './health.ts'
export { serveApi } from './serve.ts'
export type { CurrentTerm, Term } from './term.ts'
