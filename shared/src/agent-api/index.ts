/** The agents' side of the contract alone: an agent must not pay for what it never calls. */
export * from '../gen/keelson/agent/v1/agent.ts'
