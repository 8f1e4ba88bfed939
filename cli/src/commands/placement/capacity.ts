import { readFile } from 'node:fs/promises'
import {
  type CapacityCount,
  type DomainCapacity,
  type Flavor,
  type FlavorCapacity,
  GetCapacityResponse,
  PlacementServiceService,
} from '@keelson/shared/api'
import { unreadable, usageError } from '../../errors/index.ts'
import { type Column, describe, type View } from '../../output/index.ts'
import { listJson } from '../../resource/index.ts'
import { defineVerb, type Flag, text } from '../../verb/index.ts'
import { FLAVOR_HELP, flavorOf, machineDemandOf, volumeDemandOf } from './flavor.ts'
import { labelOf } from './label.ts'

/** What is counted when nothing is asked for. */
const DEFAULTS = [
  '2cpu,4GiB,20GiB,r2',
  '4cpu,16GiB,100GiB,r2',
  '8cpu,32GiB,200GiB,r2',
  '100GiB,r2',
  '100GiB,r3',
]

/** A flavor as it is written; repeated rather than joined, because flavors have commas. */
function flavors(summary: string): Flag<readonly string[]> {
  return {
    ...{ summary, placeholder: 'flavor', required: false, negatable: false, absent: [] },
    parse: (value, before) => [...before, value],
  }
}

/** `placement capacity`. */
export const capacity = defineVerb({
  name: 'capacity',
  summary: 'count how many more fit, and what runs out first',
  description:
    'Each flavor is counted by itself: as the cluster is, while any host may be lost, and while ' +
    `any failure domain may be lost. ${FLAVOR_HELP}`,
  flags: {
    vm: flavors('a virtual machine, such as 4cpu,16GiB,100GiB,r2; may be repeated'),
    volume: flavors('a volume, such as 100GiB,r3,class=fast; may be repeated'),
    flavors: text('path', 'YAML file with a list of flavors, or with names and flavors', {
      complete: 'file',
    }),
    domain: text('label', 'rack (the default), zone or a node label'),
    selector: text('selector', 'only hosts with matching labels, such as "tier=gold"', {
      short: 'l',
    }),
  },
  examples: [
    'placement capacity',
    'placement capacity --vm 4cpu,16GiB,100GiB,r2',
    'placement capacity --volume 100GiB,r3,class=fast --domain zone',
    'placement capacity --flavors flavors.yaml -o json',
  ],
  async run({ flags, session }) {
    const asked: Flavor[] = [
      ...flags.vm.map(machineFlavor),
      ...flags.volume.map(volumeFlavor),
      ...(flags.flavors === undefined ? [] : await readFlavors(flags.flavors)),
    ]
    const domain = labelOf(flags.domain ?? 'rack')
    if (domain === '') throw usageError('hosts are always counted; --domain takes a wider one')
    const client = await session.client()
    const response = await client.call(PlacementServiceService.getCapacity, {
      flavors: asked.length > 0 ? asked : DEFAULTS.map(flavorOf),
      failureDomain: domain,
      labelSelector: flags.selector ?? '',
    })
    await session.print(capacityView(response, (flags.domain ?? 'rack').toUpperCase()))
  },
})

function machineFlavor(text: string): Flavor {
  return { name: text, demand: { $case: 'virtualMachine', value: machineDemandOf(text) } }
}

function volumeFlavor(text: string): Flavor {
  return { name: text, demand: { $case: 'volume', value: volumeDemandOf(text) } }
}

/** A list of flavors, or a map of names and flavors. */
async function readFlavors(path: string): Promise<Flavor[]> {
  let value: unknown
  try {
    const { parse } = await import('yaml')
    value = parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw unreadable(path, cause)
  }
  if (value === null || typeof value !== 'object' || Object.keys(value).length === 0)
    throw usageError(`${path} has no flavors in it`, FLAVOR_HELP)
  return Object.entries(value).map(([key, flavor]) => {
    if (typeof flavor !== 'string') throw usageError(`${path}: "${key}" is no flavor`, FLAVOR_HELP)
    return { ...flavorOf(flavor), name: Array.isArray(value) ? flavor : key }
  })
}

function capacityView(response: GetCapacityResponse, domain: string): View {
  return {
    json: listJson('flavors', GetCapacityResponse.toJSON(response)),
    names: response.flavors.map(({ flavor }) => flavor),
    human({ paint, wide }) {
      const to = describe(paint, wide)
      to.table(flavorColumns(domain), response.flavors)
      to.line(
        `-1 NODE, -1 ${domain}: as many as keep room to start again when any one of them is lost.`,
        'faint',
      )
      for (const { domains, flavor } of response.flavors)
        if (wide || response.flavors.length === 1)
          to.section(`${flavor} by ${domain.toLowerCase()}, each by itself:`, (inner) =>
            inner.table(domainColumns(domain), domains),
          )
      return to.text()
    },
  }
}

function flavorColumns(domain: string): readonly Column<FlavorCapacity>[] {
  return [
    { title: 'FLAVOR', cell: ({ flavor }) => flavor },
    { title: 'NOW', cell: ({ now }) => countText(now), right: true },
    { title: 'RUNS OUT', cell: ({ now }) => now?.bindingResource ?? '' },
    { title: '-1 NODE', cell: ({ withNodeLoss }) => countText(withNodeLoss), right: true },
    { title: `-1 ${domain}`, cell: ({ withDomainLoss }) => countText(withDomainLoss), right: true },
    { title: 'SUMMARY', cell: ({ now }) => now?.summary ?? '', wide: true },
  ]
}

function domainColumns(domain: string): readonly Column<DomainCapacity>[] {
  return [
    { title: domain, cell: (one) => one.domain },
    { title: 'FIT', cell: (one) => countText(one.capacity), right: true },
    { title: 'RUNS OUT', cell: (one) => one.capacity?.bindingResource ?? '' },
  ]
}

/** "12", or "12..14" where more than 12 are not ruled out. */
function countText(count: CapacityCount | undefined): string {
  if (!count) return ''
  const exact = count.count === count.upperBound
  return exact ? String(count.count) : `${count.count}..${count.upperBound}`
}
