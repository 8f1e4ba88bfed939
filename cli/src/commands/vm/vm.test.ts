import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  AffinityTarget,
  BatchCreateVirtualMachineResult,
  CpuPolicy,
  FailureDomainMode,
  NumaPolicy,
  PlacementReport,
  RuleRelation,
  RunPolicy,
  type VirtualMachineSpec,
  WatchType,
} from '@keelson/shared/api'
import { KeelsonError } from '@keelson/shared/errors'
import { RACK_LABEL } from '@keelson/shared/model'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createFakeCluster, type FakeCluster, sampleMachine } from '../../testing/index.ts'

const GIB = 2n ** 30n

let cluster: FakeCluster
/** Requests as the services got them. */
let asked: Record<string, unknown>[]

beforeAll(async () => {
  cluster = await createFakeCluster()
})
afterAll(() => cluster.close())
beforeEach(() => {
  asked = []
  const answer = (request: object) => {
    asked.push({ ...request })
    return { virtualMachine: sampleMachine(), placementReport: undefined }
  }
  cluster.services = {
    machines: {
      createVirtualMachine: async (request) => answer(request),
      updateVirtualMachine: async (request) => answer(request),
      moveVirtualMachine: async (request) => ({ ...answer(request), operation: '' }),
      getVirtualMachine: async () => ({ virtualMachine: sampleMachine() }),
      async deleteVirtualMachine(request) {
        asked.push({ ...request })
        return { virtualMachine: sampleMachine(), deletedVolumes: ['web-root'] }
      },
      async listVirtualMachines(request) {
        asked.push({ ...request })
        const virtualMachines = [sampleMachine('db'), sampleMachine('web')]
        return { virtualMachines, nextPageToken: '', resourceVersion: 9n }
      },
    },
  }
})

const run = (...args: Parameters<FakeCluster['run']>) => cluster.run(...args)

/** The spec that was asked for, with what was left unset. */
function askedSpec(): VirtualMachineSpec {
  return asked[0]?.spec as VirtualMachineSpec
}

describe('vm create', () => {
  it('asks for what was said, and shows the row', async () => {
    const { code, stdout, stderr } = await run(
      'vm create web --cpu 4 --memory 16GiB --disk 100GiB,replicas=2,class=fast ' +
        '--disk 1GiB,name=log,keep --volume data,ro --network lan --label app=web --tenant t1 ' +
        '--locality required --node n1,n2',
    )
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^NAME +PHASE +NODE +CPUS +MEMORY +DISKS +RUNS +AGE\n/)
    expect(stdout).toMatch(/\nweb +Starting +n1 +4 +16GiB +1 +Always +\S+\n$/)
    expect(asked).toMatchObject([
      { name: 'web', labels: { app: 'web' }, tenant: 't1', dryRun: false },
    ])
    const spec = askedSpec()
    expect(spec.compute).toMatchObject({ vcpus: 4, memoryBytes: 16n * GIB })
    expect(spec.rules).toMatchObject({ nodes: ['n1', 'n2'] })
    expect(spec.volumeLocality).toBe(2)
    expect(spec.interfaces).toMatchObject([{ name: 'eth0', network: 'lan' }])
    expect(spec.disks.map(({ name, readOnly, source }) => [name, readOnly, source])).toMatchObject([
      [
        'root',
        false,
        {
          value: {
            keep: false,
            spec: { sizeBytes: 100n * GIB, replicas: 2, storageClass: 'fast' },
          },
        },
      ],
      ['log', false, { value: { keep: true, spec: { sizeBytes: GIB, replicas: 0 } } }],
      ['data', true, { $case: 'volume', value: 'data' }],
    ])
  })

  it('understands every word about hosts, others and hardware', async () => {
    await run(
      'vm create web --cpu 8 --memory 64GiB --dedicated --hugepages 1GiB --numa single ' +
        '--device 10de:1eb8=2 --device a.example/gpu --node-selector tier=gold ' +
        '--exclude-node n9 --toleration gpu=yes:NoSchedule --toleration spare ' +
        '--spread web:rack:4 --pack db:zone --apart-from vm=old --near tenant=t1:rack --pinned',
    )
    const { compute, rules } = askedSpec()
    expect(compute).toMatchObject({
      cpuPolicy: CpuPolicy.CPU_POLICY_DEDICATED,
      hugepageSizeBytes: GIB,
      numaPolicy: NumaPolicy.NUMA_POLICY_SINGLE,
      devices: [
        { pciId: '10de:1eb8', resource: '', count: 2 },
        { pciId: '', resource: 'a.example/gpu', count: 1 },
      ],
    })
    const { RULE_RELATION_APART, RULE_RELATION_TOGETHER } = RuleRelation
    expect(rules).toMatchObject({
      nodeSelector: 'tier=gold',
      excludedNodes: ['n9'],
      tolerations: [
        { key: 'gpu', value: 'yes', effect: 'NoSchedule' },
        { key: 'spare', value: undefined, effect: '' },
      ],
      groups: [
        { name: 'web', relation: RULE_RELATION_APART, failureDomain: RACK_LABEL, maxPerDomain: 4 },
        { name: 'db', relation: RULE_RELATION_TOGETHER, maxPerDomain: 1 },
      ],
      affinities: [
        {
          target: AffinityTarget.AFFINITY_TARGET_VIRTUAL_MACHINE,
          relation: RULE_RELATION_APART,
          names: ['old'],
          failureDomain: '',
        },
        {
          target: AffinityTarget.AFFINITY_TARGET_TENANT,
          relation: RULE_RELATION_TOGETHER,
          failureDomain: RACK_LABEL,
        },
      ],
      pinned: true,
    })
  })

  it.each([
    ['vm create web --memory 1GiB', '--cpu and --memory are needed'],
    ['vm create web --cpu 1 --memory 1GiB --disk 1GiB,size=2', '"size" is no option of a disk'],
    ['vm create web --cpu 1 --memory 1GiB --volume data,rw', 'is not name or name,ro'],
    ['vm create web --cpu 1 --memory 1GiB --apart-from host=a', 'is not vm=name, volume=name'],
    ['vm create web --cpu 1 --memory 1GiB --spread a:rack:0', '"0" is not a number from 1'],
    ['vm create web --cpu 1 --memory 1GiB --pack a:rack:2', 'has too many parts'],
    ['vm create web --cpu 1 --memory 1GiB --device a=0', 'is not resource=count'],
    ['vm create web --cpu 1 --memory 1GiB --toleration a:Never', 'is not a toleration'],
    ['vm create web --file none.yaml', 'none.yaml cannot be read'],
  ])('%s is refused before anything is asked', async (line, message) => {
    const { code, stderr } = await run(line)
    expect([code, stderr, asked]).toEqual([2, expect.stringContaining(message), []])
  })

  it('says why there is no place, with the report for programs, and ends with 3', async () => {
    const report = PlacementReport.fromPartial({
      subject: 'vm/web',
      nodes: [{ node: 'n1', rejectedBy: 'memory' }],
    })
    cluster.services.machines = {
      async createVirtualMachine() {
        const options = { reason: 'not-placeable' as const, details: ['n1: memory: 1 GiB'], report }
        throw new KeelsonError('RESOURCE_EXHAUSTED', '1 vCPU cannot be placed', options)
      },
    }
    const { code, stderr } = await run('vm create web --cpu 1 --memory 1GiB')
    expect([code, stderr]).toEqual([3, 'error: 1 vCPU cannot be placed\n  n1: memory: 1 GiB\n'])
    const json = await run('vm create web --cpu 1 --memory 1GiB -o json')
    expect(JSON.parse(json.stderr).report.nodes).toEqual([{ node: 'n1', rejectedBy: 'memory' }])
  })

  it('of a dry run shows the report, its volumes as parts', async () => {
    cluster.services.machines = {
      createVirtualMachine: async () => ({
        virtualMachine: sampleMachine(),
        placementReport: PlacementReport.fromPartial({
          summary: '1 vCPU on n1',
          nodes: [{ node: 'n1', chosen: true, totalScore: 0.5 }],
          parts: [{ subject: 'volume/web-root', summary: '1 × 1 GiB on n1/local' }],
        }),
      }),
    }
    const { stdout } = await run('vm create web --cpu 1 --memory 1GiB --dry-run')
    expect(stdout).toMatch(/^1 vCPU on n1\nNODE .*\nn1 +- +chosen +0.5/)
    expect(stdout).toContain('Dry run: nothing was changed.\n')
  })

  it('takes a spec from a file, and adds what flags say', async () => {
    const file = join(cluster.directory, 'web.yaml')
    const lines = [
      'compute:',
      '  vcpus: 2',
      '  memory_bytes: 1073741824',
      'runPolicy: RUN_POLICY_ONCE',
    ]
    await writeFile(file, `${lines.join('\n')}\ndisks: [{name: a, volume: data}]\npriority: 0\n`)
    expect((await run(`vm create web --file ${file} --cpu 3 --disk 1GiB`)).code).toBe(0)
    const spec = askedSpec()
    expect(spec).toMatchObject({ runPolicy: RunPolicy.RUN_POLICY_ONCE })
    expect(spec.compute).toMatchObject({ vcpus: 3, memoryBytes: GIB })
    expect(spec.disks.map(({ name }) => name)).toEqual(['a', 'disk1'])
    await writeFile(file, 'compute: {vcpus: 2, memoryByte: 5}\n')
    const { code, stderr } = await run(`vm create web --file ${file}`)
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('"compute.memoryByte" is not known'),
    ])
  })

  it('makes many as one batch; what was refused is told, and ends with 3', async () => {
    cluster.services.machines = {
      async batchCreateVirtualMachines({ requests }) {
        asked.push(...requests.map((request) => ({ ...request })))
        const refused = { code: 8, message: '1 vCPU cannot be placed' }
        return {
          results: requests.map(({ name }, index) =>
            BatchCreateVirtualMachineResult.fromPartial(
              index === 2 ? refused : { virtualMachine: sampleMachine(name) },
            ),
          ),
        }
      },
    }
    const { code, stdout, stderr } = await run(
      'vm create web --cpu 1 --memory 1GiB --count 3 -o name',
    )
    expect(asked.map(({ name }) => name)).toEqual(['web-1', 'web-2', 'web-3'])
    expect([code, stdout]).toEqual([3, 'vm/web-1\nvm/web-2\n'])
    expect(stderr).toBe(
      'error: 1 of 3 machines were not created\n  vm/web-3: 1 vCPU cannot be placed\n',
    )
  })
})

describe('vm update', () => {
  it('of labels and the run policy asks for these alone', async () => {
    await run('vm update web --label a=b --remove-label c --run-policy manual')
    expect(asked).toMatchObject([
      {
        ...{ name: 'web', setLabels: { a: 'b' }, removeLabels: ['c'], spec: undefined },
        ...{ runPolicy: RunPolicy.RUN_POLICY_MANUAL, expectedResourceVersion: 0n },
      },
    ])
  })

  it('of the spec is based on the version it has read', async () => {
    const line = 'vm update web --cpu 8 --volume data --detach root --run-policy halted'
    expect((await run(line)).code).toBe(0)
    expect(asked).toMatchObject([{ expectedResourceVersion: 7n, runPolicy: undefined }])
    const { compute, disks, runPolicy } = askedSpec()
    expect(compute).toMatchObject({ vcpus: 8, memoryBytes: 16n * GIB })
    expect(disks.map(({ name }) => name)).toEqual(['data'])
    expect(runPolicy).toBe(RunPolicy.RUN_POLICY_HALTED)
  })

  it('takes what show has printed, edited, and its version', async () => {
    const file = join(cluster.directory, 'edited.yaml')
    const { stdout } = await run('vm show web -o yaml')
    await writeFile(file, stdout.replace('vcpus: 4', 'vcpus: 5').replace('"7"', '"6"'))
    expect((await run(`vm update web --file ${file}`)).code).toBe(0)
    expect(asked).toMatchObject([{ expectedResourceVersion: 6n }])
    expect(askedSpec().compute).toMatchObject({ vcpus: 5, memoryBytes: 16n * GIB })
  })

  it('cannot take away a disk that is not there', async () => {
    const { code, stderr } = await run('vm update web --detach ghost')
    expect([code, stderr]).toEqual([2, expect.stringContaining('it has no disk "ghost"')])
  })
})

describe('the other verbs', () => {
  it.each<[line: string, expected: object, stdout: RegExp]>([
    ['vm start web', { runPolicy: RunPolicy.RUN_POLICY_ALWAYS }, /\nweb +Starting +n1/],
    ['vm stop web', { runPolicy: RunPolicy.RUN_POLICY_HALTED }, /\nweb +Starting/],
    ['vm stop web --dry-run', { dryRun: true }, /^vm\/web would be stopped\n$/],
    ['vm move web --to n2', { toNode: 'n2', allowRestart: false }, /\nweb +Starting/],
    ['vm delete web', { keepVolumes: false }, /^vm\/web deleted, with volume\/web-root\n$/],
    ['vm delete web --keep-volumes --dry-run', { keepVolumes: true }, /^vm\/web would be deleted/],
    ['vm list --node n1 --tenant t1 -l a=b', { node: 'n1', tenant: 't1' }, /\ndb .*\nweb /],
  ])('%s', async (line, expected, stdout) => {
    const outcome = await run(line)
    expect([outcome.code, outcome.stderr]).toEqual([0, ''])
    expect(asked).toMatchObject([expected])
    expect(outcome.stdout).toMatch(stdout)
  })

  it('show tells place, reservation and disks', async () => {
    const { stdout } = await run('vm show web')
    expect(stdout).toMatch(/\nNode: +n1\n/)
    expect(stdout).toMatch(/\nSet aside on its host:\n {2}CPU: +1\n {2}Memory: +17GiB, 1GiB of it/)
    expect(stdout).toMatch(/\nDisks:\n {2}NAME +VOLUME +LOCAL +MESSAGE\n {2}root +web-root +yes/)
    expect(JSON.parse((await run('vm show web -o json')).stdout).virtualMachine.meta.name).toBe(
      'web',
    )
  })

  it('watch follows changes until interrupted', async () => {
    cluster.services.machines = {
      async *watchVirtualMachines(_request, { signal }) {
        const step = { resourceVersion: 8n, virtualMachine: sampleMachine() }
        yield { ...step, type: WatchType.WATCH_TYPE_ADDED }
        yield { ...step, type: WatchType.WATCH_TYPE_BOOKMARK, virtualMachine: undefined }
        yield { ...step, type: WatchType.WATCH_TYPE_DELETED }
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      },
    }
    const { code, stdout } = await run('vm watch web --no-headers', {
      onOutput({ stdout: text }, interrupt) {
        if (text.includes('Deleted')) interrupt()
      },
    })
    expect(code).toBe(130)
    expect(stdout).toMatch(/^Added +web +Starting .*\nDeleted +web /)
  })

  it('names are completed', async () => {
    const { stdout } = await run(['__complete', 'vm', 'show', ''])
    expect(stdout).toBe('db\t\nweb\t\n')
  })
})

describe('volume create with rules', () => {
  it('asks for rules, replica rules, tie-breaker and tenant', async () => {
    cluster.services.volumes = {
      async createVolume(request) {
        asked.push({ ...request })
        return { volume: undefined, placementReport: undefined }
      },
    }
    await run(
      'volume create data --size 1GiB --replicas 2 --spread-by rack:2 --no-tie-breaker ' +
        '--apart-from volume=old --tenant t1 --no-wait',
    )
    expect(asked).toMatchObject([
      {
        tenant: 't1',
        spec: {
          rules: { nodes: [], affinities: [{ names: ['old'] }] },
          replicaRules: [
            {
              failureDomain: RACK_LABEL,
              mode: FailureDomainMode.FAILURE_DOMAIN_MODE_DIFFERENT,
              maxPerDomain: 2,
            },
          ],
          tieBreakerMode: 2,
        },
      },
    ])
  })
})
