import { GetNodeHardwareResponse, NodeServiceService } from '@keelson/shared/api'
import { describe } from '../../output/index.ts'
import { present } from '../../resource/index.ts'
import { argument, choices, defineVerb } from '../../verb/index.ts'
import { describeHardware, SECTIONS } from './hardware/index.ts'

/** `node hardware`. */
export const hardware = defineVerb({
  name: 'hardware',
  summary: "show a host's hardware report",
  description:
    'What could not be read is listed under its section with the reason, never as a zero. ' +
    '-o wide shows every column and long lists in full.',
  args: { name: argument('name of the host', 'node') },
  flags: { section: choices(SECTIONS, 'only these sections; may be repeated') },
  examples: [
    'node hardware n1',
    'node hardware n1 --section disks -o wide',
    'node hardware n1 --section cpu,numa,memory',
    'node hardware n1 -o json',
  ],
  async run({ args: { name }, flags, session }) {
    const client = await session.client()
    const request = { node: name, sections: [...flags.section] }
    const response = await client.call(NodeServiceService.getNodeHardware, request)
    const report = present(response.hardware, `hardware of node "${name}"`)
    await session.print({
      json: GetNodeHardwareResponse.toJSON(response),
      names: report.sections.map(({ meta }) => `${name}/${meta?.name ?? ''}`),
      human({ paint, wide, nowMs }) {
        const description = describe(paint, wide)
        describeHardware(report, response.readings, description, { wide, nowMs })
        return description.text()
      },
    })
  },
})
