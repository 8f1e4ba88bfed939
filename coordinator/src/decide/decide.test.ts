import { fileURLToPath } from 'node:url'
import { playScript, scriptsIn } from '@keelson/shared/testing'
import { describe, expect, it } from 'vitest'
import { createDecideScript } from '../testing/index.ts'

const TESTDATA = fileURLToPath(new URL('./testdata', import.meta.url))

describe('golden scripts of decisions', () => {
  it.each(scriptsIn(TESTDATA))('%s', async (name) => {
    const { expected, actual } = await playScript(TESTDATA, name, createDecideScript())
    expect(actual).toBe(expected)
  })
})
