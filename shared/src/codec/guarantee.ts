import type * as pb from '../gen/keelson/v1/placement.ts'
import type { GuaranteeCheck, Impact, ImpactKind, Shortage } from '../model/index.ts'
import { guaranteeCodec } from './policy.ts'
import { bool, int64, list, number, oneOf, record, required, text, texts } from './record.ts'

/** ImpactKind. */
export const impactKindCodec = oneOf<pb.ImpactKind, ImpactKind>({
  1: 'Restarts',
  2: 'RedundancyReduced',
  3: 'RedundancyLost',
  4: 'Stops',
  5: 'Unavailable',
  6: 'DataLost',
})

/** Impact. */
export const impactCodec = record<pb.Impact, Impact>({
  subject: text,
  kind: impactKindCodec,
  reason: text,
})

/** Shortage. */
export const shortageCodec = record<pb.Shortage, Shortage>({
  resource: text,
  where: text,
  missing: int64,
})

/** GuaranteeCheck. */
export const guaranteeCheckCodec = record<pb.GuaranteeCheck, GuaranteeCheck>({
  guarantee: required(guaranteeCodec),
  domains: texts,
  holds: bool,
  summary: text,
  breaks: list(impactCodec),
  breakCount: number,
  shortages: list(shortageCodec),
})
