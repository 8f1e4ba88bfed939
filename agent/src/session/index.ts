/** The agent's conversation with the coordinator: state machine, outbox, what drives them. */
export * from './content.ts'
export * from './machine.ts'
export * from './memory-transport.ts'
export * from './outbox.ts'
export * from './session.ts'
export * from './transport.ts'
