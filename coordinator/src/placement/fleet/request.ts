/**
 * What is to be placed, as numbers: every rule about names, labels and taints has been turned into
 * a mask of hosts or pools before, so that choosing is arithmetic.
 */

/** How much of one column something takes, in the column's unit. */
export interface Amount {
  /** Index into `Fleet.columns`. */
  readonly column: number
  readonly amount: number
}

/** How the replicas of a volume stand to one sort of failure domain. */
export interface DomainRule {
  /** Domain of each host; -1 for a host without the label. See `Fleet.domainsOf`. */
  readonly domains: Int32Array
  readonly mode: 'Different' | 'PreferDifferent' | 'Same'
  /** Most replicas in one domain, for the first two modes. */
  readonly maximumPerDomain: number
}

/** A volume that does not exist yet. */
export interface VolumeRequest {
  /** Name, for reports; unique within one request. */
  readonly name: string
  readonly sizeBytes: number
  /** Diskful replicas, each on a host of its own. */
  readonly replicas: number
  /** 1 for every pool row it may use; undefined allows all. */
  readonly pools: Uint8Array | undefined
  readonly spread: readonly DomainRule[]
  /** What speaks for (positive) or against each host by rules that only prefer; undefined: none. */
  readonly preference: Float64Array | undefined
}

/** Where the room for a machine is kept for the day its failure domain is lost. */
export type StandbyMode =
  /** Nowhere: no guarantee asks for it. */
  | 'None'
  /** On a host with a diskful replica of every volume of the machine. */
  | 'Replica'
  /** On any host it may run on. */
  | 'Any'

/** How close a machine has to be to the data of its volumes. */
export type Locality = 'Required' | 'Preferred' | 'Ignored'

/** A NUMA cell's worth of resources wanted on one cell, or in equal parts on several. */
export interface NumaRequest {
  readonly policy: 'Single' | 'Spread'
  readonly cpuMillis: number
  /** Memory, or hugepages of `pageBytes`. */
  readonly memoryBytes: number
  /** 0 for ordinary memory. */
  readonly pageBytes: number
}

/** A machine that has no place, with the volumes to be made with it. */
export interface MachineRequest {
  /** Name, for reports. */
  readonly name: string
  /** What its host sets aside. Columns that are not named are not needed. */
  readonly amounts: readonly Amount[]
  /** 1 for every host row it may run on; undefined allows all. */
  readonly hosts: Uint8Array | undefined
  /** Volumes made with it, in the same decision. */
  readonly volumes: readonly VolumeRequest[]
  /** For each existing volume it uses: rows of the hosts with an up-to-date diskful replica. */
  readonly attached: readonly (readonly number[])[]
  readonly locality: Locality
  readonly standby: StandbyMode
  readonly numa: NumaRequest | undefined
  /** As in `VolumeRequest`. */
  readonly preference: Float64Array | undefined
  /** Breaks ties, so that equals do not all go to the first host. */
  readonly seed: number
}

/** Where everything goes. */
export interface Choice {
  /** Host row. */
  readonly host: number
  /** Row of the host that keeps room for it; -1 if none does. */
  readonly standby: number
  /** For each new volume the pool rows of its replicas, in order. */
  readonly pools: readonly (readonly number[])[]
  /** The lower, the better; comparable within one request only. */
  readonly cost: number
}
