/** One error class, closed codes, assertions. */
export * from './keelson-error.ts'
