import { describe, expect, it } from 'vitest'
import { standardRequest } from './ganeti.ts'
import { ganetiScore } from './ganeti-score.ts'
import { dense } from './generators.ts'
import { hailJson, parseHailJson } from './hail-request.ts'
import { parseFacts, parseHail, parseHbal, parseHinfo } from './peers.ts'

describe('what the programs print is read', () => {
  it('hspace: facts by name', () => {
    const facts = parseFacts('HTS_INI_SCORE=17.8\nHTS_ALLOC_INSTANCES=271\nHTS_TSPEC=\nHTS_OK=1\n')
    expect(Object.fromEntries(facts)).toEqual({
      ...{ INI_SCORE: '17.8', ALLOC_INSTANCES: '271', TSPEC: '', OK: '1' },
    })
  })

  it('hbal: steps with their moves and scores', () => {
    const { steps, scores } = parseHbal(
      [
        'Trying to minimize the CV...',
        '    1. vm-00158 node-0006:node-0005 => node-0013:node-0005  44.39726741 a=f r:node-0013 f',
        '    2. vm-7.example a:b => b:a  43.1 a=f',
        '  103. vm-8        a:b => a:c  42 a=r:c',
        'Cluster score improved from 44.95326801 to 43.85539865',
      ].join('\n'),
    )
    expect(scores).toEqual([44.39726741, 43.1, 42])
    expect(steps).toEqual([
      { instance: 'vm-00158', moves: ['f', 'r:node-0013', 'f'] },
      { instance: 'vm-7.example', moves: ['f'] },
      { instance: 'vm-8', moves: ['r:c'] },
    ])
  })

  it('hbal: nothing to do', () => {
    expect(parseHbal('Cluster is empty, exiting.\n')).toEqual({ steps: [], scores: [] })
  })

  it('hinfo: the verdict and the score', () => {
    const good = 'Cluster is N+1 happy\nCluster coefficients:\nCluster score: 17.79592085\n'
    expect(parseHinfo(good)).toEqual({ happy: true, score: 17.79592085 })
    expect(parseHinfo('Cluster is not N+1 happy\nCluster score: 1\n').happy).toBe(false)
    expect(() => parseHinfo('Error: failed to load data\n')).toThrow('failed to load data')
  })

  it('hail: the answer, and what is none', () => {
    const answer = '{"success":true,"info":"Request successful","result":["n1","n2"]}\n'
    expect(parseHail(answer)).toEqual({
      ...{ success: true, info: 'Request successful', result: ['n1', 'n2'] },
    })
    expect(() => parseHail('Error: no parse')).toThrow('hail answered "Error: no parse"')
  })
})

describe('a request for hail', () => {
  const cluster = dense(20, 5, 1)
  const wanted = standardRequest(cluster)

  it('holds the whole cluster', () => {
    const read = parseHailJson(hailJson(cluster, { type: 'allocate', name: 'new', wanted }))
    expect(read.wanted).toEqual(wanted)
    expect(read.cluster.instances).toEqual(cluster.instances)
    expect(ganetiScore(read.cluster)).toBe(ganetiScore(cluster))
  })

  it('for an evacuation names the instances of the node by their role', () => {
    const node = 'node-0007'
    const names = (mode: 'primary-only' | 'secondary-only' | 'all') =>
      JSON.parse(hailJson(cluster, { type: 'node-evacuate', node, mode })).request.instances
    const { instances } = cluster
    expect(names('primary-only')).toEqual(
      instances.filter(({ primary }) => primary === node).map(({ name }) => name),
    )
    expect(names('all')).toHaveLength(names('primary-only').length + names('secondary-only').length)
  })

  it('for many instances names each', () => {
    const { request } = JSON.parse(
      hailJson(cluster, { type: 'multi-allocate', wanted: [wanted, wanted] }),
    )
    expect(request.instances.map(({ name }: { name: string }) => name)).toEqual([
      'new-0000',
      'new-0001',
    ])
  })
})
