/** Where volumes go, and why. Pure: rules before preferences, seeded, no time or I/O. */
export { FILTERS, type NamedFilter, promisableBytes, THIN_FLOOR_PERCENT } from './filters.ts'
export * from './place-volume.ts'
export * from './request.ts'
