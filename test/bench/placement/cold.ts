/**
 * One decision in a process of its own, with everything a start costs, as Ganeti's programs run:
 * `cold.ts fill FILE MEM DISK VCPUS` prints the pairs, `cold.ts allocate REQUEST` the answer.
 */
import { readFile } from 'node:fs/promises'
import { parseHailJson } from './hail-request.ts'
import { keelsonContender } from './keelson-contender.ts'
import { parseCluster } from './text-format.ts'

const [, , task, file = '', ...sizes] = process.argv
const text = await readFile(file, 'utf8')
process.stdout.write(JSON.stringify(task === 'fill' ? fill() : allocate()))

function fill(): unknown {
  const [memMib = 0, diskMib = 0, vcpus = 0] = sizes.map(Number)
  return keelsonContender.fill(parseCluster(text), { memMib, diskMib, vcpus })
}

function allocate(): unknown {
  const { cluster, wanted } = parseHailJson(text)
  return keelsonContender.place(cluster).allocate(wanted)
}
