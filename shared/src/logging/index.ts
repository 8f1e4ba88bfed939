/** One logger per process: JSON lines, or readable ones on a terminal; secrets never get out. */
export * from './logger.ts'
export * from './redact.ts'
