import { describe, expect, it } from 'vitest'
import { defaultNodeName, parseInvocation, type RunOptions } from './options.ts'

function run(line: string, env: Record<string, string> = {}): RunOptions {
  const invocation = parseInvocation(['run', ...line.split(' ').filter(Boolean)], env)
  if (invocation.command !== 'run') throw new Error(`parsed as ${invocation.command}`)
  return invocation.options
}

describe('the command line of the agent', () => {
  it('has a default for everything', () => {
    expect(run('')).toEqual({
      dataDirectory: '/var/lib/keelson-agent',
      deviceDirectory: '/run/keelson/volumes',
      servers: ['127.0.0.1:7443'],
      node: undefined,
      joinTokenFile: undefined,
      joinToken: undefined,
      labels: {},
      sysroot: '/',
      logLevel: 'info',
      logPretty: false,
    })
  })

  it('reads flags before the environment', () => {
    const env = {
      KEELSON_SERVER: 'a:1',
      KEELSON_JOIN_TOKEN: 'kjt.secret',
      KEELSON_LOG_LEVEL: 'debug',
    }
    expect(run('', env)).toMatchObject({
      servers: ['a:1'],
      joinToken: 'kjt.secret',
      logLevel: 'debug',
    })
    const line =
      '--server b:2,[::1]:3 --log-level warn --node n1 --label rack=a --label zone= --sysroot /tmp/x'
    expect(run(line, env)).toMatchObject({
      servers: ['b:2', '[::1]:3'],
      logLevel: 'warn',
      node: 'n1',
      labels: { rack: 'a', zone: '' },
      sysroot: '/tmp/x',
    })
  })

  it('gives agents with different data different device paths', () => {
    const [a, b] = [run('--data /srv/a'), run('--data /srv/b')]
    expect(a.deviceDirectory).toMatch(/^\/run\/keelson\/volumes-[0-9a-f]{8}$/)
    expect(a.deviceDirectory).not.toBe(b.deviceDirectory)
    expect(run('--data /srv/a/').deviceDirectory).toBe(a.deviceDirectory)
    expect(run('--data /srv/a --device-dir /dev/keelson').deviceDirectory).toBe('/dev/keelson')
  })

  it.each([
    [[], 'help'],
    [['--help'], 'help'],
    [['run', '-h'], 'help'],
    [['--version'], 'version'],
    [['plan', '--data', '/srv/a'], 'plan'],
    [['inventory', '-o', 'json', '--whatever'], 'inventory'],
  ])('takes %j for %s', (args, command) => {
    expect(parseInvocation(args).command).toBe(command)
  })

  it.each([
    ['start', 'unknown command "start"'],
    ['run twice', 'unexpected "twice"'],
    ['run --no-such-flag', '--no-such-flag'],
    ['run --server here', '--server "here" is not HOST:PORT'],
    ['run --server a:1,,b:2', '--server "" is not HOST:PORT'],
    ['run --server a:70000', 'is not HOST:PORT'],
    ['run --node Not_A_Label', 'is not a DNS label'],
    ['run --label rack', '--label "rack" is not KEY=VALUE'],
    ['run --label =a', 'is not KEY=VALUE'],
    ['run --label rack=a/b', 'value "a/b" of label rack is not valid'],
    ['run --log-level loud', '--log-level "loud" is none of'],
    ['run --data', '--data'],
  ])('refuses "%s"', (line, problem) => {
    const parse = () => parseInvocation(line.split(' '))
    expect(parse).toThrow(problem)
    expect(parse).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  it.each([
    ['vm', 'vm'],
    ['Rack1_N2.example', 'rack1-n2-example'],
    ['-odd-', 'odd'],
    ['x'.repeat(80), 'x'.repeat(63)],
  ])('makes host name %s the node name %s', (host, node) => {
    expect(defaultNodeName(host)).toBe(node)
  })

  it('refuses a host name without a letter or digit', () => {
    expect(() => defaultNodeName('___')).toThrow('give one with --node')
  })
})
