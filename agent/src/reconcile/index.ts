/** From the desired document to the state of the host: look, plan, carry out, report. */
export * from './executor.ts'
export * from './items.ts'
export * from './perform.ts'
export * from './plan.ts'
export * from './reconciler.ts'
export * from './step.ts'
export * from './survey.ts'
export * from './view.ts'
