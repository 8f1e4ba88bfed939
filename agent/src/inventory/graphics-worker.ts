/** The thread of graphics.ts: one call of systeminformation, one message, the end. */
import { parentPort } from 'node:worker_threads'
import { graphics } from 'systeminformation'
import type { GraphicsController } from './graphics.ts'

const { controllers } = await graphics()
const answer: GraphicsController[] = controllers.map((each) => ({
  busAddress: each.busAddress ?? '',
  vendor: each.vendor ?? '',
  model: each.name ?? each.model ?? '',
  memoryMib: each.memoryTotal ?? (each.vramDynamic ? 0 : (each.vram ?? 0)),
  driverVersion: each.driverVersion ?? '',
}))
parentPort?.postMessage(answer)
