/** The public API and the agents' services, as handlers on one server. Thin: who, decode, submit, encode. */
export type { Health } from './health.ts'
export { serveApi } from './serve.ts'
export type { CurrentTerm, Term } from './term.ts'
