/** Requests become commands: validated, defaulted, stamped. */
export * from './admission.ts'
