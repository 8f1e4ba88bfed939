/**
 * How a running simulation is told what to do: a unix socket in its directory, one line of JSON
 * each way. Whoever can reach the directory can cut the power.
 */
import { once } from 'node:events'
import { chmod, rm } from 'node:fs/promises'
import { createConnection, createServer, type Socket } from 'node:net'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { type Code, KeelsonError } from '@keelson/shared/errors'
import type { SimulatedHost, SimulatedHostState } from './host.ts'

/** What can be asked for. */
export type ControlRequest =
  | { readonly command: 'list' }
  | { readonly command: 'stop' | 'start'; readonly host: string }

type ControlReply =
  | { readonly ok: true; readonly hosts: readonly SimulatedHostState[] }
  | { readonly ok: false; readonly code: Code; readonly message: string }

/** An open control socket. */
export interface ControlServer {
  close(): Promise<void>
}

/** Longest path of a unix socket. */
const PATH_BYTES = 107

/** Opens the socket. Raises FAILED_PRECONDITION when its path is too long. */
export async function openControl(
  directory: string,
  hosts: readonly SimulatedHost[],
): Promise<ControlServer> {
  const path = socketPath(directory)
  // What a killed simulation left behind; the directory's lock says that it is gone.
  await rm(path, { force: true })
  const server = createServer((socket) => void serve(socket, hosts))
  server.listen(path)
  await once(server, 'listening')
  await chmod(path, 0o600)
  return {
    async close() {
      server.close()
      await rm(path, { force: true })
    },
  }
}

/** Asks the simulation that runs in `directory`. Raises UNAVAILABLE when there is none. */
export async function askControl(
  directory: string,
  request: ControlRequest,
): Promise<readonly SimulatedHostState[]> {
  const socket = createConnection(socketPath(directory))
  try {
    await once(socket, 'connect')
    socket.write(`${JSON.stringify(request)}\n`)
    for await (const line of createInterface(socket)) {
      const reply = JSON.parse(line) as ControlReply
      if (reply.ok) return reply.hosts
      throw new KeelsonError(reply.code, reply.message)
    }
    throw new KeelsonError('UNAVAILABLE', 'the simulation ended before it answered')
  } catch (cause) {
    throw KeelsonError.from(cause, 'UNAVAILABLE', `no simulation runs in ${directory}`)
  } finally {
    socket.destroy()
  }
}

/** The shorter of the two ways to say where the socket is. */
function socketPath(directory: string): string {
  const absolute = join(directory, 'sim.sock')
  const near = relative(process.cwd(), absolute)
  const path = near.length < absolute.length ? near : absolute
  if (Buffer.byteLength(path) <= PATH_BYTES) return path
  throw new KeelsonError(
    'FAILED_PRECONDITION',
    `the path of a socket has at most ${PATH_BYTES} bytes, ${path} has ${Buffer.byteLength(path)}`,
    { details: ['choose a shorter --data'] },
  )
}

async function serve(socket: Socket, hosts: readonly SimulatedHost[]): Promise<void> {
  socket.on('error', () => socket.destroy())
  for await (const line of createInterface(socket)) {
    const reply = await answer(line, hosts)
    socket.end(`${JSON.stringify(reply)}\n`)
    return
  }
}

async function answer(line: string, hosts: readonly SimulatedHost[]): Promise<ControlReply> {
  try {
    const request = JSON.parse(line) as ControlRequest
    const chosen = request.command === 'list' ? hosts : [find(hosts, request.host)]
    for (const host of chosen) {
      if (request.command === 'stop') await host.stop()
      if (request.command === 'start') await host.start()
    }
    return { ok: true, hosts: chosen.map((host) => host.state()) }
  } catch (error) {
    const { code, message } = KeelsonError.from(error, 'INTERNAL', 'the simulation failed')
    return { ok: false, code, message }
  }
}

function find(hosts: readonly SimulatedHost[], name: string): SimulatedHost {
  const host = hosts.find((candidate) => candidate.name === name)
  if (host) return host
  throw new KeelsonError('NOT_FOUND', `there is no simulated host "${name}"`)
}
