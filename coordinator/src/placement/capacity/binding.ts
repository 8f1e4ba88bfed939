/** Which resource stands in the way of more copies. */
import type { Fleet, MachineRequest, VolumeRequest } from '../fleet/index.ts'
import { upperBound } from './bound.ts'

/** Something that limits how many copies fit. */
export interface BindingResource {
  /**
   * Name of a column; "storage"; "standby" for room that is kept; "domains" for how replicas stand
   * to failure domains; "rules" for everything that keeps hosts and pools out.
   */
  readonly name: string
  /** Bound of the copies if only this limited them; Infinity where that says nothing. */
  readonly alone: number
  /** Bound of the copies if each took half as much of it, or if it did not have to be obeyed. */
  readonly relieved: number
}

/**
 * What limits a request, that first whose relief would raise `bound` most. If several would raise
 * it as much, or none does because they run out together, the one that allows least by itself
 * comes first.
 */
export function bindingResources(
  fleet: Fleet,
  request: MachineRequest,
  bound: number,
  effort = 1,
): BindingResource[] {
  const variants = variantsOf(fleet, request)
  // Two bounds for each; they are compared, so rough ones do.
  const rough = { effort: effort / (2 * variants.length) }
  const resources = variants.map(({ name, only, relieved }) => ({
    name,
    alone: only ? upperBound(fleet, only, rough) : Infinity,
    relieved: Math.max(bound, upperBound(fleet, relieved, rough)),
  }))
  return resources.sort(
    (one, other) => compare(other.relieved, one.relieved) || compare(one.alone, other.alone),
  )
}

/** As a difference, but infinities are equal to each other. */
function compare(one: number, other: number): number {
  return one === other ? 0 : one - other
}

/** A request with one resource only, and one that takes less of it. */
interface Variant {
  readonly name: string
  readonly only: MachineRequest | undefined
  readonly relieved: MachineRequest
}

function variantsOf(fleet: Fleet, request: MachineRequest): Variant[] {
  const { amounts, hosts, standby, volumes } = request
  const variants: Variant[] = amounts.map((amount) => ({
    name: fleet.columns[amount.column]!.name,
    only: {
      ...request,
      amounts: [amount],
      volumes: [],
      locality: 'Ignored',
      standby: standby === 'None' ? 'None' : 'Any',
    },
    relieved: {
      ...request,
      amounts: amounts.map((other) =>
        other === amount ? { ...other, amount: other.amount / 2 } : other,
      ),
    },
  }))
  const withVolumes = (change: Partial<VolumeRequest>): MachineRequest => ({
    ...request,
    volumes: volumes.map((volume) => ({ ...volume, ...change })),
  })
  if (volumes.length > 0)
    variants.push({
      name: 'storage',
      only: { ...request, amounts: [], locality: 'Ignored', standby: 'None' },
      relieved: {
        ...request,
        volumes: volumes.map((volume) => ({ ...volume, sizeBytes: volume.sizeBytes / 2 })),
      },
    })
  if (standby !== 'None')
    variants.push({ name: 'standby', only: undefined, relieved: { ...request, standby: 'None' } })
  if (volumes.some(({ spread }) => spread.length > 0))
    variants.push({ name: 'domains', only: undefined, relieved: withVolumes({ spread: [] }) })
  if (hosts || volumes.some(({ pools }) => pools))
    variants.push({
      name: 'rules',
      only: undefined,
      relieved: { ...withVolumes({ pools: undefined }), hosts: undefined },
    })
  return variants
}
