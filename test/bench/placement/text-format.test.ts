import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { groupTakes, standardRequest } from './ganeti.ts'
import * as generators from './generators.ts'
import { formatCluster, parseCluster } from './text-format.ts'

const GROUP = 'default|u-1|preferred||'
const NODE = 'n1|1000|100|900|5000|5000|4|M|u-1|1||N|0|1|1.0'
const OTHER = 'n2|1000|100|900|5000|5000|4|N|u-1|1||N|0|1|1.0'
const INSTANCE = 'vm|100|200|1|running|Y|n1|n2|drbd||1|-|N'
const SPEC = '128,1,1024,1,1,1'
const POLICY = `|${SPEC}|${SPEC};4096,8,9999,16,8,12|drbd,plain|4.0|32.0`

function file(changes: Partial<Record<'group' | 'node' | 'instance' | 'tags' | 'policy', string>>) {
  const { group = GROUP, node = NODE, instance = INSTANCE, tags = '', policy = POLICY } = changes
  return [group, '', node, OTHER, '', instance, '', ...(tags ? [tags] : []), '', policy, ''].join(
    '\n',
  )
}

describe('a file', () => {
  it('comes back as it was', () => {
    for (const text of [file({}), file({ tags: 'htools:iextags:a\nhtools:nlocation:b' })])
      expect(formatCluster(parseCluster(text))).toBe(text)
  })

  it('may lack the trailing columns, which get the values htools assumes', () => {
    const { nodes, instances } = parseCluster(
      file({
        node: 'n1|1000|100|900|5000|5000|4|M|u-1',
        instance: 'vm|100|200|1|running|Y|n1|n2|drbd|a,b',
      }),
    )
    expect(nodes[0]).toMatchObject({ spindles: 1, nodeVcpus: 1, cpuSpeed: 1, freeSpindles: 0 })
    expect(instances[0]).toMatchObject({ tags: ['a', 'b'], spindleUse: 1, forthcoming: false })
  })

  it('may have a group without networks, more columns than known, or no policies', () => {
    const text = file({ group: 'default|u-1|preferred|', node: `${NODE}|new|newer` })
    expect(parseCluster(text).groups[0]!.networks).toEqual([])
    const [withoutPolicies] = text.split(`\n${POLICY}`)
    expect(parseCluster(withoutPolicies!).policies).toEqual([])
  })

  it('may have specs of five values, several bounds, and a policy for each group', () => {
    const five = '128,1,1024,1,1'
    const { policies } = parseCluster(
      file({ policy: `default|${five}|${five};${SPEC};${SPEC};${SPEC}|drbd|2|8.5` }),
    )
    expect(policies[0]).toMatchObject({ owner: 'default', vcpuRatio: 2, spindleRatio: 8.5 })
    expect(policies[0]!.bounds).toHaveLength(2)
    expect(policies[0]!.std.spindleUse).toBe(1)
  })

  it('says offline for a node marked so, and for one that did not answer', () => {
    for (const node of [NODE.replace('|M|', '|Y|'), NODE.replace('1000', '?')])
      expect(parseCluster(file({ node })).nodes[0]!.role).toBe('offline')
  })

  it('may have an instance without a second node', () => {
    const instance = INSTANCE.replace('n2|drbd', '|plain')
    expect(parseCluster(file({ instance })).instances[0]!.secondary).toBe('')
  })

  it('may be empty', () => {
    expect(parseCluster('\n\n\n\n').nodes).toEqual([])
  })
})

describe('a malformed file is refused with its line', () => {
  const wrong: readonly [string, string, string][] = [
    ['too few sections', 'a|b|c|d\n', 'line 1: 1 sections instead of 4 or 5'],
    ['a group of three columns', file({ group: 'a|b|preferred' }), 'line 1: a group has 4 or 5'],
    ['an unknown policy', file({ group: 'a|b|maybe|' }), 'line 1: allocation policy "maybe"'],
    ['a group that is not there', file({ node: NODE.replace('u-1', 'u-2') }), 'line 3: node n1'],
    ['a node of eight columns', file({ node: 'n1|1|1|1|1|1|1|N' }), 'line 3: a node has 9 to 15'],
    ['no number', file({ node: NODE.replace('|900|', '|9x0|') }), 'line 3: free memory "9x0"'],
    ['a blank', file({ node: NODE.replace('|900|', '|900 |') }), 'line 3: free memory "900 "'],
    ['an unknown role', file({ node: NODE.replace('|M|', '|Q|') }), 'line 3: role "Q"'],
    ['a node twice', file({ node: OTHER }), 'line 4: node n2 is there twice'],
    ['an unknown node', file({ instance: INSTANCE.replace('n2', 'n9') }), 'line 6: instance vm'],
    ['one node for both', file({ instance: INSTANCE.replace('n2', 'n1') }), 'line 6: instance vm'],
    ['an unknown status', file({ instance: INSTANCE.replace('running', 'up') }), 'line 6: status'],
    ['an unknown template', file({ instance: INSTANCE.replace('drbd', 'zip') }), 'line 6: disk t'],
    ['a policy of nobody', file({ policy: `x${POLICY}` }), 'line 9: the policy belongs to'],
    [
      'a bound without its pair',
      file({ policy: `|${SPEC}|${SPEC}|drbd|4|32` }),
      'line 9: 1 bounds',
    ],
    ['a ratio that is none', file({ policy: POLICY.replace('4.0', 'four') }), 'line 9: vcpu ratio'],
  ]
  it.each(wrong)('%s', (_, text, message) => {
    expect(() => parseCluster(text)).toThrow(message)
  })
})

describe('what a file asks for', () => {
  it('is the standard instance of the cluster', () => {
    const cluster = parseCluster(file({}))
    expect(standardRequest(cluster)).toEqual({ memMib: 128, vcpus: 1, diskMib: 1024 })
  })

  it('is not taken by a closed group, nor outside the bounds of its policy', () => {
    const std = { memMib: 128, vcpus: 1, diskMib: 1024 }
    const open = parseCluster(file({}))
    const closed = parseCluster(file({ group: 'default|u-1|unallocable||' }))
    expect(groupTakes(open, open.groups[0]!, std)).toBe(true)
    expect(groupTakes(closed, closed.groups[0]!, std)).toBe(false)
    expect(groupTakes(open, open.groups[0]!, { ...std, vcpus: 64 })).toBe(false)
  })
})

describe('made clusters', () => {
  /** As other measurements of Ganeti make them, so that figures can be compared. */
  const known: readonly [string, () => ReturnType<typeof generators.hetero>, string][] = [
    ['hetero 20', () => generators.hetero(20, 1), '01b657c88e86742456defc4ef5d08da3'],
    ['skewed 40', () => generators.skewed(40, 1), '334e04a20bfa4a5bee106a7bedaaa309'],
    ['dense 200 × 10', () => generators.dense(200, 10, 1), '55dd0b9723254d3de5560c3e96448007'],
    ['lopsided 20', () => generators.lopsided(20, 1), 'f54ccc7d841677cf2b622b79f4918f7a'],
    ['new nodes 20', () => generators.newNodes(20, 1), 'a65cd8ea373f2da5bcf7d3b458a7d3b2'],
    ['homogeneous', () => generators.homogeneous('mem', 80), 'f14fe1117173407d0a3eba0e272c920e'],
  ]
  it.each(known)('%s is byte for byte the known one', (_, make, md5) => {
    expect(createHash('md5').update(formatCluster(make())).digest('hex')).toBe(md5)
  })

  const own: readonly [string, () => ReturnType<typeof generators.hetero>][] = [
    ['fragmented', () => generators.fragmented(20, 3)],
    ['racks', () => generators.racks(20, 3)],
    ['groups', () => generators.groups(20, 3)],
    ['extremes', () => generators.extremes(20, 3)],
  ]
  it.each(own)('%s is written and read without loss, and is the same each time', (_, make) => {
    const text = formatCluster(make())
    expect(parseCluster(text)).toEqual(make())
    expect(make().instances.length).toBeGreaterThan(20)
  })

  it('draw the numbers of mulberry32', () => {
    const draw = generators.mulberry32(1)
    expect(Array.from({ length: 3 }, () => Math.floor(draw() * 2 ** 32))).toEqual([
      2693262067, 11749833, 2265367787,
    ])
  })
})
