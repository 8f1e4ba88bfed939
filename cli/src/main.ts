/** The process: its signals, its exit code, and a cache that makes it start fast. */
import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

// The generated code is large; compiled code kept from one run to the next halves the start. The
// cache is the user's own, because code in a directory that others can write to is theirs to run.
// A user without a home gets none: this program does not make one.
const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
if (existsSync(homedir())) enableCompileCache(join(cache, 'keelson'))

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())
process.once('SIGTERM', () => stop.abort())
// The reader of a pipe may have seen enough, as `head` does.
process.stdout.on('error', () => stop.abort())

const { runCli } = await import('./app/index.ts')
const { processTerminal } = await import('./terminal/index.ts')
process.exitCode = await runCli(process.argv.slice(2), processTerminal(stop.signal))
