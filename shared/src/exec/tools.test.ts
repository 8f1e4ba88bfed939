import { describe, expect, it } from 'vitest'
import { findTool, missingTool, toolPath } from './tools.ts'

describe('a tool', () => {
  it('is found by name on PATH and in the system directories, or by its path', async () => {
    const path = await findTool('losetup')
    expect(path).toMatch(/^\/.*\/losetup$/)
    expect(await findTool(path ?? '')).toBe(path)
    expect(await findTool('losetup-of-a-future')).toBeUndefined()
    expect(toolPath().split(':')).toContain('/usr/sbin')
  })
  it.each([
    ['losetup', 'losetup is not installed (Debian package mount)'],
    ['fallocate', 'fallocate is not installed (Debian package util-linux)'],
    ['mkfs.xfs', 'mkfs.xfs is not installed (Debian package xfsprogs)'],
    ['frobnicate', 'frobnicate is not installed'],
  ])('that is missing, such as %s, names what to install', (file, message) => {
    expect(missingTool(file)).toMatchObject({ code: 'FAILED_PRECONDITION', message })
  })
})
