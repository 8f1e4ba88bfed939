/** What the host is made of: collectors that read /proc and /sys, and the watch over them. */
export * from './collector.ts'
export * from './watch.ts'
