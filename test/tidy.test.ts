/**
 * The house rules that no compiler checks: directions of imports, cycles, pure rooms, sizes, doc
 * comments. A failure names file and line; a rule that is wrong is changed in test/tidy, with a
 * reason, not worked around.
 */
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  codeOf,
  cyclesOf,
  importEdges,
  importsOf,
  RULES,
  readSources,
  sourceOf,
  wrongDirection,
} from './tidy/index.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const sources = readSources(ROOT)
const code = sources.filter(({ path }) => path.endsWith('.ts'))
const imports = code.flatMap(importsOf)

describe('every file', () => {
  it.each(RULES)('$name', ({ applies, offences }) => {
    const seen = sources.filter(applies)
    expect(seen.length, 'files the rule looks at').toBeGreaterThan(0)
    const found = seen.flatMap((source) => offences(source).map((what) => `${source.path}:${what}`))
    expect(found).toEqual([])
  })

  it('of product code is rather short: a long one is a reason to look', () => {
    const long = code
      .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > 300 && !path.endsWith('.test.ts'))
    for (const { path, lines } of long) process.stdout.write(`long: ${path} has ${lines} lines\n`)
    expect(long.length).toBeLessThan(20)
  })
})

describe('imports', () => {
  it('go one way', () => {
    const wrong = imports.flatMap((one) => {
      const why = wrongDirection(one)
      return why === undefined ? [] : `${one.from.path} imports ${one.specifier}: ${why}`
    })
    expect(imports.length).toBeGreaterThan(500)
    expect(wrong).toEqual([])
  })

  it('find a file', () => {
    const paths = new Set(code.map(({ path }) => path))
    const missing = imports.filter(
      ({ target }) => target !== undefined && !target.includes('/gen/') && !paths.has(target),
    )
    expect(missing.map(({ from, specifier }) => `${from.path} imports ${specifier}`)).toEqual([])
  })

  it('have no cycles, between files or between rooms, not even of types', () => {
    const { files, rooms } = importEdges(imports)
    expect(cyclesOf(files)).toEqual([])
    expect(cyclesOf(rooms)).toEqual([])
  })
})

describe('every directory under src', () => {
  it('has an index.ts, or a main.ts', () => {
    const directories = new Set(
      code
        .map(({ path }) => path.slice(0, path.lastIndexOf('/')))
        .filter((path) => path.includes('/src/')),
    )
    const doors = new Set(code.map(({ path }) => path))
    const closed = [...directories].filter(
      (path) => !doors.has(`${path}/index.ts`) && !doors.has(`${path}/main.ts`),
    )
    expect(closed).toEqual([])
  })
})

describe('the rules themselves', () => {
  const decide = 'coordinator/src/decide/x.ts'
  const offences: [rule: string, path: string, text: string][] = [
    ['a pure room', decide, 'const now = Date.now()'],
    ['a pure room', decide, `const id = \`\${Math.random()}\``],
    ['a pure room', decide, "import { join } from 'node:path'"],
    ['a pure room', decide, 'await nothing'],
    ['a pure room', 'agent/src/reconcile/plan.ts', 'setTimeout(f, 1)'],
    ['a line', decide, `// ${'x'.repeat(100)}`],
    ['a line', decide, `const x = ${'x'.repeat(100)}`],
    ['a file', decide, 'x\n'.repeat(501)],
    ['a function', decide, `function f() {\n${'  x()\n'.repeat(70)}}`],
    ['a function', decide, `const f = (\n  a: A,\n): B => {\n${'  x()\n'.repeat(70)}}`],
    ['an index.ts', 'coordinator/src/decide/index.ts', "export * from './x.ts'"],
    ['every exported', decide, 'export const x = 1'],
    ['every exported', decide, '/** Doc. */\n\nexport const x = 1'],
    ['a markdown', 'docs/x.md', 'no title'],
    ['a markdown', 'docs/x.md', '# One\n\n# Two\n'],
    ['nobody writes', decide, "console.log('x')"],
    ['TypeScript is', decide, 'export enum X { A }'],
    ['TypeScript is', decide, '  constructor(private readonly x: X) {}'],
    ['what is left', decide, `// TO${'DO'}: later`],
    ['no file names', 'Makefile', `cd /wo${'rk'}/main`],
  ]
  it.each(offences)('"%s…" sees an offence in %s', (name, path, text) => {
    const rule = RULES.find((one) => one.name.startsWith(name))!
    const source = sourceOf(path, text)
    expect(rule.applies(source)).toBe(true)
    expect(rule.offences(source)).not.toEqual([])
  })

  const fine: [rule: string, path: string, text: string][] = [
    ['a pure room', decide, "// Date.now() is for others.\nconst text = 'await'"],
    ['a pure room', decide, 'new Date(at).toISOString()'],
    ['a pure room', 'agent/src/reconcile/executor.ts', 'await work()'],
    ['no file names', 'Makefile', 'make work/of/art'],
    ['a line', decide, `const x = '${'x'.repeat(100)}'`],
    ['a function', decide, `function f() {\n  function g() {\n${'    x()\n'.repeat(60)}  }\n}`],
    ['every exported', decide, '/** Doc. */\nexport const x = 1\nexport { y }'],
    ['every exported', decide, '/** Doc. */\nexport function f(): 1\nexport function f() {}'],
    ['a markdown', 'docs/x.md', '# One\n\n```sh\n# a comment\n```\n'],
    ['nobody writes', decide, '// console.log is not for us'],
    ['what is left', decide, `// TO${'DO'}(ada): later`],
  ]
  it.each(fine)('"%s…" sees none in %s', (name, path, text) => {
    const rule = RULES.find((one) => one.name.startsWith(name))!
    const source = sourceOf(path, text)
    expect(rule.applies(source) ? rule.offences(source) : []).toEqual([])
  })

  const directions: [from: string, specifier: string, wrong: boolean][] = [
    ['shared/src/grpc/x.ts', '@keelson/shared/errors', true],
    ['shared/src/model/x.ts', '../gen/keelson/v1/node.ts', true],
    ['shared/src/codec/x.ts', '../gen/keelson/v1/node.ts', false],
    ['agent/src/session/x.ts', '@keelson/coordinator/state', true],
    ['agent/src/session/x.ts', '../../../coordinator/src/state/index.ts', true],
    ['agent/src/session/x.ts', '@keelson/shared/errors', false],
    ['agent/src/session/x.ts', '@keelson/shared/src/errors/index.ts', true],
    ['agent/src/session/x.ts', '@keelson/test/programs', true],
    ['agent/src/storage/x.ts', 'node:child_process', true],
    ['shared/src/exec/x.ts', 'node:child_process', false],
    ['coordinator/src/decide/x.ts', '../state/index.ts', false],
    ['coordinator/src/decide/x.ts', '../state/table.ts', true],
    ['coordinator/src/decide/x.ts', '../commit/index.ts', true],
    ['coordinator/src/state/x.ts', '../placement/index.ts', true],
    ['coordinator/src/commit/x.ts', '../testing/index.ts', true],
    ['coordinator/src/commit/x.test.ts', '../testing/index.ts', false],
    ['coordinator/src/terms.ts', './api/index.ts', false],
    ['test/sim/main.ts', '@keelson/coordinator/state', false],
  ]
  it.each(directions)('%s importing %s is wrong: %s', (from, specifier, wrong) => {
    const [found] = importsOf(sourceOf(from, `import type { X } from '${specifier}'`))
    expect(found?.specifier).toBe(specifier)
    expect(wrongDirection(found!) !== undefined).toBe(wrong)
  })

  it('find every form of import, and no text that looks like one', () => {
    const text = [
      "import './a.ts'",
      "import {\n  b,\n} from './b.ts'",
      "export * from './c.ts'",
      "const d = await import('./d.ts')",
      "new Worker(new URL('./e.ts', import.meta.url))",
      "// import './f.ts'",
      'const g = "import \'./g.ts\'"',
    ].join('\n')
    const found = importsOf(sourceOf('shared/src/x/y.ts', text)).map(({ specifier }) => specifier)
    expect(found).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts'])
  })

  it('find cycles', () => {
    const edges = new Map([
      ['a', new Set(['b'])],
      ['b', new Set(['c', 'd'])],
      ['c', new Set(['a'])],
      ['d', new Set<string>()],
    ])
    expect(cyclesOf(edges)).toEqual(['a → b → c → a'])
  })

  it('know code from comments and strings', () => {
    const cases: [text: string, code: string][] = [
      ["a('b') // c", "a(' ')     "],
      ['/* a */ b', '        b'],
      [`\`a \${b + \`c \${d}\`} e\` + f`, `\`  \${b + \`  \${d}\`}  \` + f`],
      ["x = /[/']/.test('y')", "x = /    /.test(' ')"],
      ['a / b / c', 'a / b / c'],
      ["'it\\'s' + x", "'     ' + x"],
    ]
    for (const [text, expected] of cases) expect(codeOf(text)).toBe(expected)
  })
})
