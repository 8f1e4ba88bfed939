/** Linear programs, solved by HiGHS compiled to WebAssembly. */
import { KeelsonError } from '@keelson/shared/errors'
import loadHighs from 'highs'

/** Maximise `gain`·x over x ≥ 0 where each row stays between its limits. */
export interface LinearProgram {
  readonly gain: readonly number[]
  readonly rows: readonly {
    readonly terms: readonly (readonly [column: number, factor: number])[]
    readonly least: number
    readonly most: number
  }[]
}

// The package declares a CommonJS module and is loaded as another: its default is the function.
const load = loadHighs as unknown as typeof loadHighs.default
let loaded: ReturnType<typeof load> | undefined

/** The maximum; NaN when nothing satisfies all rows. Raises INTERNAL when the solver gives up. */
export async function solveMaximum(program: LinearProgram): Promise<number> {
  loaded ??= load()
  const highs = await loaded
  const { gain, rows } = program
  const size = { numCols: gain.length, numRows: rows.length }
  const terms = rows.flatMap((row) => row.terms)
  const starts = new Int32Array(rows.length + 1)
  for (const [index, row] of rows.entries()) starts[index + 1] = starts[index]! + row.terms.length
  return highs.withModel(
    {
      ...size,
      sense: highs.constants.objectiveSense.maximize,
      colCost: Float64Array.from(gain),
      colLower: new Float64Array(gain.length),
      colUpper: new Float64Array(gain.length).fill(highs.infinity),
      rowLower: Float64Array.from(rows, ({ least }) => Math.max(least, -highs.infinity)),
      rowUpper: Float64Array.from(rows, ({ most }) => Math.min(most, highs.infinity)),
      matrix: {
        format: 'csr',
        ...size,
        starts,
        indices: Int32Array.from(terms, ([column]) => column),
        values: Float64Array.from(terms, ([, factor]) => factor),
      },
    },
    (model) => {
      model.options.set({ output_flag: false })
      model.run()
      const status = model.getModelStatus()
      if (status === highs.constants.modelStatus.infeasible) return Number.NaN
      if (status !== highs.constants.modelStatus.optimal)
        throw new KeelsonError('INTERNAL', `the solver ended with status ${status}`)
      return model.getObjectiveValue()
    },
  )
}
