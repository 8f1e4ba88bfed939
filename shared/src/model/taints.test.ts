import { describe, expect, it } from 'vitest'
import { checkTaints, formatTaint, parseTaint, parseToleration } from './taints.ts'

describe('a taint', () => {
  it.each([
    ['gpu=yes:NoSchedule', { key: 'gpu', value: 'yes', effect: 'NoSchedule' }],
    ['a.example/spare:NoExecute', { key: 'a.example/spare', value: '', effect: 'NoExecute' }],
    ['old:PreferNoSchedule', { key: 'old', value: '', effect: 'PreferNoSchedule' }],
  ])('%s is read and written', (text, taint) => {
    expect(parseTaint(text)).toEqual(taint)
    expect(formatTaint(parseTaint(text))).toBe(text)
  })

  it.each([
    ['gpu', 'is not a taint such as key=value:NoSchedule'],
    ['gpu:Never', 'is not a taint'],
    ['=a:NoSchedule', 'is not a taint'],
    ['-a:NoSchedule', 'label key "-a" is not valid'],
    ['a=b c:NoSchedule', 'value "b c" of label a is not valid'],
  ])('%s is refused', (text, message) => {
    expect(() => parseTaint(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(() => parseTaint(text)).toThrow(message)
  })

  it('is unique by key and effect, and there are not too many', () => {
    const taint = parseTaint('a=1:NoSchedule')
    expect(() => checkTaints([taint, parseTaint('a=1:NoExecute')])).not.toThrow()
    expect(() => checkTaints([taint, parseTaint('a=2:NoSchedule')])).toThrow('is there twice')
    const many = Array.from({ length: 33 }, (_, index) => ({ ...taint, key: `k${index}` }))
    expect(() => checkTaints(many.slice(1))).not.toThrow()
    expect(() => checkTaints(many)).toThrow('33 taints, at most 32')
  })
})

describe('a toleration', () => {
  it.each([
    ['*', { key: '' }],
    ['gpu', { key: 'gpu' }],
    ['gpu=', { key: 'gpu', value: '' }],
    ['gpu=yes', { key: 'gpu', value: 'yes' }],
    ['gpu:NoExecute', { key: 'gpu', effect: 'NoExecute' }],
    ['gpu=yes:NoSchedule', { key: 'gpu', value: 'yes', effect: 'NoSchedule' }],
  ])('%s is read', (text, toleration) => {
    expect(parseToleration(text)).toStrictEqual(toleration)
  })

  it.each(['', ':NoSchedule', 'a:Never', 'a=b:c:d'])('"%s" is refused', (text) => {
    expect(() => parseToleration(text)).toThrow('is not a toleration')
  })
})
