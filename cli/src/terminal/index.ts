/** What the command line has around it: streams, environment, time, the wish to stop. */
export * from './terminal.ts'
