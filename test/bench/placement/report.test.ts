import { describe, expect, it } from 'vitest'
import { byFile, type Row, toJson } from './report.ts'

const row = (task: string, more: Partial<Row>): Row => ({
  ...{ task, case: 'a', ours: {}, peer: {}, goals: [], notes: [] },
  ...more,
})

describe('the cases of files', () => {
  it('are one per file: counts of filling, moves and scores of rebalancing', () => {
    const filled = row('capacity', { ours: { placed: 9, score: 1 }, peer: { placed: 8, score: 2 } })
    const balanced = row('rebalance', {
      ours: { score: 0.5, moves: 3, copiedGib: 10 },
      peer: { score: 0.7, moves: 4, copiedGib: 20 },
      notes: ['limited'],
    })
    expect(byFile([filled, balanced].map(toJson))).toMatchObject([
      {
        ...{ case: 'a', placed: 9, peerPlaced: 8, score: 0.5, peerScore: 0.7 },
        ...{ moves: 3, peerMoves: 4, copiedGib: 10, peerCopiedGib: 20, notes: ['limited'] },
      },
    ])
  })

  it('keep the scores of filling where there was nothing to rebalance', () => {
    const filled = row('capacity', { ours: { placed: 9, score: 1 }, peer: { placed: 8, score: 2 } })
    const [one] = byFile([filled, row('rebalance', {})].map(toJson))
    expect(one).toMatchObject({ score: 1, peerScore: 2, moves: null })
  })
})
