import { applyChoice, type Chooser, type ChooseWeights, createChooser } from '../choose/index.ts'
import type { Choice, Fleet, MachineRequest } from '../fleet/index.ts'

/** Requests that are placed on a fleet of their own, and taken off it again. */
export interface Board {
  /** The fleet with everything placed so far. */
  readonly fleet: Fleet
  readonly requests: readonly MachineRequest[]
  /** Where each request is, null if nowhere. */
  readonly choices: readonly (Choice | null)[]
  /** Requests that have a place. */
  readonly count: number
  /** Adds a request without a place; its index. */
  add(request: MachineRequest): number
  /**
   * Chooses a place for a request that has none. `taste` is what speaks for or against hosts in
   * this choice besides what the request says.
   */
  place(index: number, taste?: Float64Array): boolean
  /** Puts a request where it is known to fit. */
  put(index: number, choice: Choice): void
  take(index: number): void
}

/** How a board chooses. */
export interface BoardOptions {
  readonly weights?: ChooseWeights | undefined
  /** 1 for the hosts that machines may run on; room may be kept on others too. */
  readonly within?: Uint8Array | undefined
}

/** Keeps machines out of hosts as long as there is any other. */
const REPELLENT = 1e6

/** A board over a clone of a fleet. */
export function createBoard(
  original: Fleet,
  wanted: readonly MachineRequest[],
  { weights, within }: BoardOptions = {},
): Board {
  const fleet = original.clone()
  const chooser: Chooser = createChooser(fleet, weights)
  const requests: MachineRequest[] = []
  const choices: (Choice | null)[] = []
  const preferences = new Map<Float64Array | undefined, Float64Array>()
  let count = 0

  /** Names of the fleet cannot be in the way: none of them has this form. */
  function renamed(request: MachineRequest, index: number): MachineRequest {
    const name = `/${index}`
    const volumes = request.volumes.map((volume, row) => ({ ...volume, name: `${name}/${row}` }))
    return { ...request, name, volumes, preference: preferenceOf(request) }
  }
  function preferenceOf({ preference }: MachineRequest): Float64Array | undefined {
    if (!within) return preference
    let known = preferences.get(preference)
    known ??= Float64Array.from(
      within,
      (allowed, host) => (preference?.[host] ?? 0) - (allowed ? 0 : REPELLENT),
    )
    preferences.set(preference, known)
    return known
  }
  function put(index: number, choice: Choice): void {
    applyChoice(fleet, requests[index]!, choice)
    choices[index] = choice
    count++
  }
  function add(request: MachineRequest): number {
    const index = requests.length
    requests.push(renamed(request, index))
    choices.push(null)
    return index
  }
  for (const request of wanted) add(request)
  return {
    fleet,
    requests,
    choices,
    get count() {
      return count
    },
    add,
    put,
    place(index, taste) {
      const choice = chooser.choose(tasted(requests[index]!, taste))
      if (!choice || within?.[choice.host] === 0) return false
      put(index, choice)
      return true
    },
    take(index) {
      const { name, volumes } = requests[index]!
      fleet.removeMachine(name)
      for (const volume of volumes) fleet.removeVolume(volume.name)
      choices[index] = null
      count--
    },
  }
}

function tasted(request: MachineRequest, taste: Float64Array | undefined): MachineRequest {
  if (!taste) return request
  const add = (preference: Float64Array | undefined) =>
    preference ? taste.map((value, host) => value + preference[host]!) : taste
  const volumes = request.volumes.map((volume) => ({
    ...volume,
    preference: add(volume.preference),
  }))
  return { ...request, volumes, preference: add(request.preference) }
}
