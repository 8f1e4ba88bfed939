import type { MachineRequest, VolumeRequest } from '../fleet/index.ts'

/**
 * Texts that are equal for what is priced alike. Arrays are the same if they are the same object:
 * callers hand over masks, domains and preferences that they do not change afterwards.
 */
export interface ShapeKeys {
  machine(request: MachineRequest): string
  /** Without spread rules and number of replicas, which do not matter for prices. */
  volume(request: VolumeRequest): string
  spread(request: VolumeRequest): string
  /** All of them. */
  whole(request: MachineRequest): string
}

/** Keys for the requests of one fleet. */
export function createShapeKeys(): ShapeKeys {
  const numbers = new WeakMap<object, number>()
  let last = 0
  function numberOf(array: object | undefined): number {
    if (array === undefined) return 0
    let number = numbers.get(array)
    if (number === undefined) {
      number = ++last
      numbers.set(array, number)
    }
    return number
  }
  function machine({ amounts, hosts, preference, standby }: MachineRequest): string {
    let key = `${standby},${numberOf(hosts)},${numberOf(preference)}`
    for (const { amount, column } of amounts) key += `,${column}:${amount}`
    return key
  }
  function volume({ pools, preference, sizeBytes }: VolumeRequest): string {
    return `${sizeBytes},${numberOf(pools)},${numberOf(preference)}`
  }
  function spread({ replicas, spread: rules }: VolumeRequest): string {
    let key = `${replicas}`
    for (const { domains, maximumPerDomain, mode } of rules)
      key += `,${mode}${maximumPerDomain}@${numberOf(domains)}`
    return key
  }
  function whole(request: MachineRequest): string {
    let key = machine(request)
    for (const one of request.volumes) key += `;${volume(one)}x${spread(one)}`
    return key
  }
  return { machine, volume, spread, whole }
}
