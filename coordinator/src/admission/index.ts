/** Requests become commands: validated, defaulted, stamped. */
export * from './admission.ts'
export * from './demand.ts'
export { at } from './rules.ts'
