/** The project's own lint: what the code must look like, as plain text scans that a test runs. */
export * from './imports.ts'
export * from './rules.ts'
export * from './source.ts'
