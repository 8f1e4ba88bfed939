import { describe, expect, it } from 'vitest'
import { flavorOf, isFlavor, machineDemandOf, volumeDemandOf } from './flavor.ts'

const GIB = 2n ** 30n

describe('a word', () => {
  it.each([
    ['100GiB', true],
    ['1.5TiB', true],
    ['4cpu', true],
    ['4cpu,16GiB', true],
    ['100GiB,r3', true],
    ['data', false],
    ['web-4', false],
    ['4', false],
    ['100', false],
  ])('"%s" is a flavor: %j', (word, expected) => {
    expect(isFlavor(word)).toBe(expected)
  })
})

describe('a flavor', () => {
  it('of a volume has a size, replicas, a class, a pool, a tenant', () => {
    expect(volumeDemandOf('100GiB,r3,class=fast,pool=nvme,tenant=blue')).toMatchObject({
      sizeBytes: 100n * GIB,
      replicas: 3,
      storageClass: 'fast',
      pool: 'nvme',
      tenant: 'blue',
    })
    expect(volumeDemandOf('1.5TiB')).toMatchObject({ sizeBytes: 1536n * GIB, replicas: 0 })
  })

  it('of a machine has memory first, then volumes that share what is said of volumes', () => {
    const demand = machineDemandOf('4cpu,16GiB,100GiB,20GiB,r2,class=fast')
    expect(demand.compute).toMatchObject({ vcpus: 4, memoryBytes: 16n * GIB, cpuPolicy: 1 })
    expect(demand.volumeLocality).toBe(1)
    expect(demand.newVolumes).toMatchObject([
      { sizeBytes: 100n * GIB, replicas: 2, storageClass: 'fast' },
      { sizeBytes: 20n * GIB, replicas: 2, storageClass: 'fast' },
    ])
  })

  it('of a machine has what machines alone can have', () => {
    const text =
      '8vcpu,32GiB,dedicated,local,hugepages=1GiB,device=10DE:1EB8,device=nvidia.com/T4,' +
      'volume=data,network=lan,network=wan'
    expect(machineDemandOf(text)).toMatchObject({
      compute: {
        vcpus: 8,
        cpuPolicy: 2,
        hugepageSizeBytes: GIB,
        devices: [
          { pciId: '10de:1eb8', resource: '', count: 1 },
          { pciId: '', resource: 'nvidia.com/T4', count: 1 },
        ],
      },
      volumes: ['data'],
      networks: ['lan', 'wan'],
      volumeLocality: 2,
      newVolumes: [],
    })
  })

  it('is a machine if it has CPUs, and keeps its text as its name', () => {
    expect(flavorOf('4cpu,16GiB')).toMatchObject({
      name: '4cpu,16GiB',
      demand: { $case: 'virtualMachine' },
    })
    expect(flavorOf('16GiB')).toMatchObject({ name: '16GiB', demand: { $case: 'volume' } })
  })

  it.each<[text: string, message: string]>([
    ['100GiB,fast', '"fast" of "100GiB,fast" is not understood'],
    ['100GiB,speed=9', '"speed=9" of'],
    ['r3,class=fast', '"r3,class=fast" needs one size'],
    ['1GiB,2GiB', '"1GiB,2GiB" needs one size'],
    ['4cpu', '"4cpu" needs CPUs and memory'],
    ['', '"" of "" is not understood'],
  ])('"%s" is refused: %s', (text, message) => {
    expect(() => flavorOf(text)).toThrow(message)
  })
})

describe('numbers of CPUs at the edges', () => {
  it.each(['0cpu,1GiB', '1025cpu,1GiB', '4294967296cpu,1GiB'])('%s is refused', (text) => {
    expect(() => flavorOf(text)).toThrow('is not 1 to 1024 CPUs')
  })
  it('1 and 1024 are machines', () => {
    for (const text of ['1cpu,1GiB', '1024cpu,1GiB'])
      expect(flavorOf(text).demand?.$case).toBe('virtualMachine')
  })
})
