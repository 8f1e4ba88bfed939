/** Explanations of placement. */
import type {
  PlacementServiceService,
  VirtualMachineDemand,
  WhyNot as WhyNotMessage,
} from '@keelson/shared/api'
import {
  nodeVerdictCodec,
  placementReportCodec,
  virtualMachineDemandCodec,
  volumeDemandCodec,
} from '@keelson/shared/codec'
import { KeelsonError } from '@keelson/shared/errors'
import type { ServiceHandlers } from '@keelson/shared/grpc'
import { admitMachineDemand, admitVolumeDemand } from '../../admission/index.ts'
import { findVolume, found } from '../../decide/index.ts'
import { explainMachine, explainVolume, type WhyNot } from '../../placement/index.ts'
import type { StateView } from '../../state/index.ts'
import { reader } from '../access.ts'
import type { CurrentTerm } from '../term.ts'

/** ExplainVolume and ExplainVirtualMachine. */
export function explainHandlers(
  current: CurrentTerm,
): Required<
  Pick<ServiceHandlers<typeof PlacementServiceService>, 'explainVolume' | 'explainVirtualMachine'>
> {
  return {
    async explainVolume({ full, resourceVersion, subject, whyNotNode }, context) {
      reader(context)
      const { pipeline } = current()
      const { state } = pipeline
      requireNewest(state, resourceVersion)
      if (!subject) throw new KeelsonError('INVALID_ARGUMENT', 'subject: is missing')
      const { report, whyNot } = explainVolume(
        state,
        subject.$case === 'name'
          ? { volume: findVolume(state, subject.value) }
          : {
              demand: admitVolumeDemand(volumeDemandCodec.read(subject.value, 'demand'), 'demand'),
            },
        { full, whyNotNode },
      )
      await pipeline.settled()
      return { report: placementReportCodec.write(report), whyNot: whyNot && written(whyNot) }
    },

    async explainVirtualMachine({ full, resourceVersion, subject, whyNotNode }, context) {
      reader(context)
      const { pipeline } = current()
      const { state } = pipeline
      requireNewest(state, resourceVersion)
      if (!subject) throw new KeelsonError('INVALID_ARGUMENT', 'subject: is missing')
      const { report, whyNot } = explainMachine(
        state,
        subject.$case === 'name'
          ? { machine: found(state.virtualMachines.get(subject.value), 'vm', subject.value) }
          : { demand: machineDemand(subject.value) },
        { full, whyNotNode },
      )
      await pipeline.settled()
      return { report: placementReportCodec.write(report), whyNot: whyNot && written(whyNot) }
    },
  }
}

function machineDemand(demand: VirtualMachineDemand) {
  return admitMachineDemand(virtualMachineDemandCodec.read(demand, 'demand'), 'demand')
}

/** Only the newest state is kept; OUT_OF_RANGE for any other revision. */
function requireNewest({ revision }: StateView, asked: bigint): void {
  if (asked === 0n || asked === BigInt(revision)) return
  throw new KeelsonError(
    'OUT_OF_RANGE',
    `revision ${asked} is not kept: only the newest is, ${revision}`,
  )
}

function written({ filters, summary, verdict }: WhyNot): WhyNotMessage {
  return { verdict: nodeVerdictCodec.write(verdict), filters: [...filters], summary }
}
