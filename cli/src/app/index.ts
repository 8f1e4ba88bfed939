/** The whole command line as one function: words in, text and an exit code out. */
export * from './run-cli.ts'
