/** Proves for every failure domain, or every set of them, that its loss is survived. */
import type { Fleet, PlacedMachine, PlacedVolume } from '../fleet/index.ts'
import { createDomains, type Domain, type Domains } from './domains.ts'
import { judgeLoss, type Loss, type LossVerdict, lostWith } from './loss.ts'
import type { PlacedRules } from './rules.ts'
import { domainName } from './words.ts'

/** The verdict on one loss. */
export interface LossCheck extends LossVerdict {
  /** Values of the label of the domains that are lost together; names of hosts without a label. */
  readonly domains: readonly string[]
}

/** The verdicts on all losses. */
export interface LossProof {
  readonly checks: readonly LossCheck[]
  /** Sets of domains there are; more than `checks` if only the fullest were judged. */
  readonly sets: number
}

/** How far to go. */
export interface VerifyOptions {
  /** Most sets of domains to judge; left out: what can be judged in about a second. */
  readonly mostSets?: number
  /** Part of that second; left out: all of it. */
  readonly share?: number
}

/**
 * Judges the loss of every set of `losses` domains of a label; an empty label means single hosts.
 * Where there are too many sets, those of the domains with the most on them are judged.
 */
export function verifyLoss(
  fleet: Fleet,
  rules: PlacedRules,
  lossLabel: string,
  losses = 1,
  { mostSets, share = 1 }: VerifyOptions = {},
): LossProof {
  const domains = createDomains(fleet, rules, lossLabel)
  const { list } = domains
  const size = Math.min(losses, list.length)
  const most = mostSets ?? setsWorth(domains, size, share)
  const sets = choose(list.length, size)
  let among = list.length
  while (among > size && choose(among, size) > most) among--
  const heaviest = among < list.length ? heaviestOf(list, among) : [...list.keys()]
  const mask = lostWith(fleet, rules, [])
  const checks = (size > 0 ? setsOf(heaviest, size) : []).map((set) => {
    const lost = set.map((index) => list[index]!)
    const loss = lossOf(domains, lost)
    for (const host of loss.hosts) mask[host] = 1
    const verdict = judgeLoss(fleet, rules, loss, mask)
    for (const host of loss.hosts) mask[host] = rules.gone?.[host] ?? 0
    return { ...verdict, domains: lost.map(({ value }) => value) }
  })
  return { checks, sets }
}

/** Most sets, however small, and what judging all of them may cost: about a second. */
const MOST_SETS = 16_384
const MOST_WORK = 750_000
/** Part of the work of one machine or volume that a look at a host is. */
const HOST_WORK = 1 / 8

/** How many sets can be judged; never less than every domain by itself. */
function setsWorth({ list, of }: Domains, size: number, share: number): number {
  const standing = list.reduce(
    (sum, { machines, volumes }) => sum + machines.length + volumes.length,
    0,
  )
  const workEach = (size * standing) / list.length + of.length * HOST_WORK
  return Math.max(list.length, Math.min(MOST_SETS, Math.floor((share * MOST_WORK) / workEach)))
}

/** Domains lost together as one loss. */
export function lossOf({ label }: Domains, lost: readonly Domain[]): Loss {
  return {
    name: lost.map(({ value }) => domainName(label, value)).join(' and '),
    hosts: lost.flatMap(({ hosts }) => hosts),
    machines: lost.flatMap(({ machines }): readonly PlacedMachine[] => machines),
    volumes: [...new Set(lost.flatMap(({ volumes }): readonly PlacedVolume[] => volumes))],
  }
}

/** Domains with the most machines, among equals with the most volumes; in their order. */
function heaviestOf(list: readonly Domain[], count: number): number[] {
  const weight = (index: number) => list[index]!.machines.length * 1e6 + list[index]!.volumes.length
  return [...list.keys()]
    .sort((a, b) => weight(b) - weight(a))
    .slice(0, count)
    .sort((a, b) => a - b)
}

/** Every set of `size` of the items. */
function setsOf(items: readonly number[], size: number): number[][] {
  if (size === 0) return [[]]
  if (size > items.length) return []
  return items.flatMap((first, index) =>
    setsOf(items.slice(index + 1), size - 1).map((rest) => [first, ...rest]),
  )
}

/** How many sets of `size` there are of `count` items; Infinity for very many. */
function choose(count: number, size: number): number {
  const few = Math.min(size, count - size)
  let sets = 1
  for (let i = 0; i < few; i++) sets = (sets * (count - i)) / (i + 1)
  return Math.round(sets)
}
