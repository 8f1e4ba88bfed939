import type * as pb from '../gen/keelson/v1/placement_report.ts'
import type {
  FunnelStep,
  NodeVerdict,
  PlacementReport,
  ScorePart,
  VerdictGroup,
} from '../model/index.ts'
import {
  bool,
  type Codec,
  int64,
  list,
  number,
  optionalList,
  record,
  text,
  texts,
} from './record.ts'

/** The codec itself, met again in the parts of a report: by then it exists. */
const part: Codec<pb.PlacementReport, PlacementReport> = {
  read: (value, path) => placementReportCodec.read(value, path),
  write: (value) => placementReportCodec.write(value),
}

/** NodeVerdict. */
export const nodeVerdictCodec = record<pb.NodeVerdict, NodeVerdict>({
  node: text,
  pool: text,
  chosen: bool,
  rejectedBy: text,
  reason: text,
  scores: list(record<pb.ScorePart, ScorePart>({ name: text, value: number, weight: number })),
  totalScore: number,
})

/** PlacementReport. */
export const placementReportCodec: Codec<pb.PlacementReport, PlacementReport> = record<
  pb.PlacementReport,
  PlacementReport
>({
  subject: text,
  placeable: bool,
  summary: text,
  replicasRequested: number,
  nodes: list(nodeVerdictCodec),
  funnel: list(record<pb.FunnelStep, FunnelStep>({ filter: text, remaining: number })),
  closestMiss: text,
  suggestedFix: text,
  resourceVersion: int64,
  parts: optionalList(part),
  groups: optionalList(
    record<pb.VerdictGroup, VerdictGroup>({
      filter: text,
      count: number,
      example: text,
      nodes: texts,
    }),
  ),
})
