/** The agent put together: from any parts, and from those of a real host. */
export * from './create-agent.ts'
export * from './facts.ts'
export * from './host-agent.ts'
