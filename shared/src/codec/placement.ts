import type * as pb from '../gen/keelson/v1/placement_report.ts'
import type { FunnelStep, NodeVerdict, PlacementReport, ScorePart } from '../model/index.ts'
import { bool, int64, list, number, record, text } from './record.ts'

/** PlacementReport. */
export const placementReportCodec = record<pb.PlacementReport, PlacementReport>({
  subject: text,
  placeable: bool,
  summary: text,
  replicasRequested: number,
  nodes: list(
    record<pb.NodeVerdict, NodeVerdict>({
      node: text,
      pool: text,
      chosen: bool,
      rejectedBy: text,
      reason: text,
      scores: list(record<pb.ScorePart, ScorePart>({ name: text, value: number, weight: number })),
      totalScore: number,
    }),
  ),
  funnel: list(record<pb.FunnelStep, FunnelStep>({ filter: text, remaining: number })),
  closestMiss: text,
  suggestedFix: text,
  resourceVersion: int64,
})
