import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { fixture } from './inventory/test-trees.ts'
import { runInventoryCommand } from './inventory-command.ts'

async function run(...args: string[]) {
  let stdout = ''
  let stderr = ''
  const code = await runInventoryCommand(
    args,
    (text) => {
      stdout += text
    },
    (text) => {
      stderr += text
    },
  )
  return { code, stdout, stderr }
}

const SERVER = ['--sysroot', fixture('r660-2s')]

describe('keelson-agent inventory', () => {
  it('prints proto3 JSON', async () => {
    const { code, stdout } = await run(...SERVER, '-o', 'json')
    expect(code).toBe(0)
    const { sections } = JSON.parse(stdout) as { sections: { meta: { name: string } }[] }
    expect(sections.map((section) => section.meta.name)).toEqual([
      'system',
      'cpu',
      'numa',
      'memory',
      'disks',
      'nics',
      'pci',
      'os',
    ])
    expect(sections[0]).toMatchObject({ system: { serial: '7XK2M04', bootMode: 'BOOT_MODE_UEFI' } })
  })

  it('prints the same as YAML', async () => {
    const json = await run(...SERVER, '-o', 'json', '--section', 'memory')
    const yaml = await run(...SERVER, '-o', 'yaml', '--section', 'memory')
    const facts = (report: { sections: { memory: unknown }[] }) => report.sections[0]?.memory
    expect(facts(parse(yaml.stdout))).toEqual(facts(JSON.parse(json.stdout)))
  })

  it('prints a summary with the gaps', async () => {
    const { code, stdout } = await run(...SERVER, '--section', 'disks', '--section', 'os')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^DISKS {2}partial, read in \d+ ms$/m)
    expect(stdout).toMatch(/nvme0n1 +3\.5 TiB +nvme .* LVM_PV \(volume group keel-nvme\)/)
    expect(stdout).toContain('  gap disks[nvme1n1].usage: /dev/nvme1n1 does not exist')
    expect(stdout).toMatch(/^ {2}drbd +loaded +9\.2\.11$/m)
    expect(stdout).not.toContain('CPU')
  })

  it.each([
    [['-o', 'xml'], 'error: unknown output "xml", choose table, json, yaml\n'],
    [['--section', 'gpu'], /^error: unknown section "gpu", choose system, cpu, /],
    [['--bogus'], /^error: .*--bogus/],
    [['extra'], /^error: .*extra/],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await run(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    if (typeof message === 'string') expect(stderr).toBe(message)
    else expect(stderr).toMatch(message)
  })

  it('explains itself', async () => {
    const { code, stdout } = await run('--help')
    expect(code).toBe(0)
    expect(stdout).toContain('usage: keelson-agent inventory')
  })
})
