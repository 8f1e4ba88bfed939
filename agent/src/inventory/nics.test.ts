import { readFileSync } from 'node:fs'
import { KeelsonError } from '@keelson/shared/errors'
import { describe, expect, it } from 'vitest'
import { parseAdapterInfo, readAdapterInfos } from './adapter-info.ts'
import { parseOvsDatabase } from './ovs-database.ts'
import { fixture, readSection, tempTree } from './test-trees.ts'

async function linksOf(root: string) {
  const { facts, gaps } = await readSection(root, 'nics')
  const link = (name: string) => {
    const found = facts.links.find((each) => each.name === name)
    if (found === undefined) throw new Error(`no link ${name}`)
    return found
  }
  return { link, links: facts.links, gaps }
}

describe('the links of a two-socket server', () => {
  it('are all there, with or without an address, but those of guests and pods', async () => {
    const { links } = await linksOf(fixture('r660-2s'))
    expect(links.map((each) => [each.name, each.kind])).toEqual([
      ['bond0', 'BOND'],
      ['bond0.100', 'VLAN'],
      ['br-data', 'OVS_INTERNAL'],
      ['br0', 'BRIDGE'],
      ['eno8303', 'PHYSICAL'],
      ['eno8403', 'PHYSICAL'],
      ['ens1f0np0', 'PHYSICAL'],
      ['ens1f0v0', 'VIRTUAL_FUNCTION'],
      ['ens1f1np1', 'PHYSICAL'],
      ['lo', 'LOOPBACK'],
      ['ovs-system', 'OVS_INTERNAL'],
    ])
  })

  it('slaves of a bond share an address and keep their own', async () => {
    const { link } = await linksOf(fixture('r660-2s'))
    expect(link('ens1f0np0')).toEqual({
      name: 'ens1f0np0',
      kind: 'PHYSICAL',
      mac: 'b8:ce:f6:bb:00:10',
      permanentMac: 'b8:ce:f6:bb:00:10',
      mtu: 9000,
      adminUp: true,
      carrier: true,
      operstate: 'up',
      speedMbps: 25_000,
      duplex: 'FULL',
      pciAddress: '0000:9a:00.0',
      numaNode: 1,
      driver: 'mlx5_core',
      firmware: '22.41.1000',
      vendorId: '0x15b3',
      deviceId: '0x101f',
      portName: 'p0',
      master: 'bond0',
      sriov: { totalFunctions: 8, enabledFunctions: 1 },
    })
    expect(link('ens1f1np1')).toMatchObject({
      mac: 'b8:ce:f6:bb:00:10',
      permanentMac: 'b8:ce:f6:bb:00:11',
    })
  })

  it('a bond: mode, partner, Open vSwitch bridge', async () => {
    const { link } = await linksOf(fixture('r660-2s'))
    expect(link('bond0')).toMatchObject({
      bond: {
        mode: '802.3ad',
        slaves: ['ens1f0np0', 'ens1f1np1'],
        partnerMac: '00:1c:73:aa:bb:cc',
        lacpRate: 'fast',
        transmitHashPolicy: 'layer3+4',
        minLinks: 1,
      },
      master: 'ovs-system',
      ovs: { bridge: 'br-data', port: 'bond0' },
    })
  })

  it('a port without a cable, set down: no carrier, no speed, no gap', async () => {
    const { link } = await linksOf(fixture('r660-2s'))
    const port = link('eno8403')
    expect(port).toMatchObject({ adminUp: false, operstate: 'down', driver: 'tg3' })
    for (const key of ['carrier', 'speedMbps', 'duplex', 'firmware'])
      expect(port).not.toHaveProperty(key)
    expect(port.driverVersion).toBe('3.137')
  })

  it('a bridge shows its lasting ports; a VLAN its parent; a function its adapter', async () => {
    const { link } = await linksOf(fixture('r660-2s'))
    expect(link('br0').bridge).toEqual({
      ports: ['eno8303'],
      spanningTree: false,
      vlanFiltering: true,
    })
    expect(link('bond0.100').vlan).toEqual({ id: 100, parent: 'bond0' })
    expect(link('ens1f0v0')).toMatchObject({ physicalFunction: '0000:9a:00.0', carrier: false })
    expect(link('ens1f0v0')).not.toHaveProperty('speedMbps')
  })

  it('without the database an Open vSwitch port is still one, with a gap', async () => {
    using tree = tempTree('r660-2s')
    tree.write('/etc/openvswitch/conf.db', 'not a database')
    const { link, gaps } = await linksOf(tree.root)
    expect(link('bond0')).toMatchObject({ master: 'ovs-system', ovs: {} })
    expect(gaps).toContainEqual({
      path: 'links.ovs',
      reason: '/etc/openvswitch/conf.db is not a database of Open vSwitch',
    })
  })

  it('a virtual adapter that does not know its speed says none', async () => {
    const { link } = await linksOf(fixture('no-dmi-vm'))
    expect(link('eth0')).toMatchObject({ kind: 'PHYSICAL', driver: 'virtio_net', carrier: true })
    for (const key of ['speedMbps', 'duplex', 'numaNode'])
      expect(link('eth0')).not.toHaveProperty(key)
  })
})

describe('the database of Open vSwitch', () => {
  // Written by ovs-vsctl 3.1.0: bridges, a bond, a tunnel, a port added and deleted, a tag changed.
  const log = readFileSync(new URL('./testdata/ovs-3.1.0-conf.db', import.meta.url), 'utf8')

  it('is replayed with its differences', () => {
    const links = parseOvsDatabase(log)
    expect(Object.fromEntries(links?.ports ?? [])).toEqual({
      'br-data': { bridge: 'br-data', port: 'br-data' },
      bond0: { bridge: 'br-data', port: 'bond0', tag: 30 },
      e1: { bridge: 'br-data', port: 'obond' },
      e2: { bridge: 'br-data', port: 'obond' },
      vx0: { bridge: 'br-data', port: 'vx0' },
      'br-b': { bridge: 'br-b', port: 'br-b' },
    })
    expect([...(links?.internal ?? [])].sort()).toEqual(['br-b', 'br-data'])
  })

  it('follows a port from one bridge to another', () => {
    const records = [
      '{"name":"Open_vSwitch"}',
      '{"Bridge":{"a":{"name":"br-a","ports":["uuid","p"]},"b":{"name":"br-b","ports":["set",[]]}},' +
        '"Port":{"p":{"name":"e1","interfaces":["uuid","i"]}},"Interface":{"i":{"name":"e1"}}}',
      '{"Bridge":{"a":{"ports":["uuid","p"]},"b":{"ports":["uuid","p"]}},"_is_diff":true}',
    ]
    const moved = records.map((json) => `OVSDB JSON ${json.length + 1} 0\n${json}\n`).join('')
    expect(parseOvsDatabase(moved)?.ports.get('e1')).toEqual({ bridge: 'br-b', port: 'e1' })
    // Were the first bridge to keep it, the order of bridges would decide.
    const back = moved + moved.slice(moved.lastIndexOf('OVSDB'))
    expect(parseOvsDatabase(back)?.ports.get('e1')).toEqual({ bridge: 'br-a', port: 'e1' })
  })

  it('ends at a record that a crash cut short, wherever that is', () => {
    for (let length = 'OVSDB JSON '.length; length < log.length; length += 997)
      expect(parseOvsDatabase(log.slice(0, length))).toBeDefined()
  })
})

describe('ethtool', () => {
  const output = 'driver: mlx5_core\nversion: 6.1.0-25-amd64\nfirmware-version: 22.41.1000 (MT_1)\n'

  it('tells driver version and firmware', () => {
    expect(parseAdapterInfo(output)).toEqual({
      driverVersion: '6.1.0-25-amd64',
      firmware: '22.41.1000 (MT_1)',
    })
    expect(parseAdapterInfo('version: 1.0.0\nfirmware-version: \n')).toEqual({
      driverVersion: '1.0.0',
      firmware: '',
    })
  })

  it('is asked per link; one that fails is left out, a missing tool is the reason for all', async () => {
    const answer = { stdout: output, stderr: '', exitCode: 0, durationMs: 3 }
    const infos = await readAdapterInfos(
      {
        run: async ({ args }) => {
          if (args[1] === 'eth1') throw new KeelsonError('UNKNOWN', 'no such device')
          return answer
        },
      },
      ['eth0', 'eth1', 'eth2'],
    )
    expect([...(infos as ReadonlyMap<string, unknown>).keys()]).toEqual(['eth0', 'eth2'])
    const run = async () => {
      throw new KeelsonError('FAILED_PRECONDITION', 'ethtool is not installed')
    }
    expect(await readAdapterInfos({ run }, ['eth0'])).toBe('ethtool is not installed')
  })
})
