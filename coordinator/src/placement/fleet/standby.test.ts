import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createStandbyBook } from './standby.ts'

const HOSTS = 4
const entry = fc.record({
  host: fc.nat(HOSTS - 1),
  domain: fc.nat(3),
  amount: fc.integer({ min: 1, max: 9 }),
})

it('a host keeps the largest sum that one domain would bring, after any additions and removals', () => {
  fc.assert(
    fc.property(fc.array(entry), fc.array(fc.nat()), (entries, removals) => {
      const book = createStandbyBook(HOSTS)
      for (const { amount, domain, host } of entries) book.add(host, domain, amount)
      const left = [...entries]
      for (const index of removals) {
        const [gone] = left.length > 0 ? left.splice(index % left.length, 1) : []
        if (gone) book.add(gone.host, gone.domain, -gone.amount)
      }
      for (let host = 0; host < HOSTS; host++) {
        const sums = [0, 1, 2, 3].map((domain) =>
          left
            .filter((one) => one.host === host && one.domain === domain)
            .reduce((sum, { amount }) => sum + amount, 0),
        )
        expect(book.reserve[host]).toBe(Math.max(...sums))
        expect(sums.map((_, domain) => book.inbound(host, domain))).toEqual(sums)
        expect([...book.toHost(host).values()].every((sum) => sum > 0)).toBe(true)
        expect(sums.map((_, domain) => book.fromDomain(domain).get(host) ?? 0)).toEqual(sums)
      }
      expect([...book.clone().reserve]).toEqual([...book.reserve])
    }),
  )
})
