/** Results as people and programs want them: tables, fields, JSON, YAML, names. */
export * from './fields.ts'
export * from './format.ts'
export * from './progress.ts'
export * from './style.ts'
export * from './table.ts'
export * from './view.ts'
export * from './words.ts'
