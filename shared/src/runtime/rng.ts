import { randomBytes, randomUUID } from 'node:crypto'

/** A source of chance. */
export interface Rng {
  /** Uniform in [0, 1). */
  next(): number
  /** A random (version 4) UUID. */
  uuid(): string
  /** `count` random bytes as lower-case hex; unpredictable for `systemRng`. */
  hex(count: number): string
}

/** The operating system's randomness: identifiers and secrets of real processes. */
export const systemRng: Rng = {
  next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  uuid: () => randomUUID(),
  hex: (count) => randomBytes(count).toString('hex'),
}

/** A seeded generator (sfc32): the same seed gives the same run. Not for secrets. */
export function seededRng(seed: number): Rng {
  let a = 0x9e3779b9 ^ seed
  let b = 0x243f6a88
  let c = 0xb7e15162
  let counter = 1
  const nextUint32 = () => {
    const result = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + result
    c |= 0
    return result >>> 0
  }
  for (let i = 0; i < 16; i++) nextUint32()
  const hex = (count: number) => {
    let text = ''
    for (let i = 0; i < count; i++) text += (nextUint32() & 0xff).toString(16).padStart(2, '0')
    return text
  }
  return {
    next: () => nextUint32() / 2 ** 32,
    hex,
    uuid() {
      const h = hex(16)
      const variant = ((Number.parseInt(h[16] ?? '0', 16) & 3) | 8).toString(16)
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-${variant}${h.slice(17, 20)}-${h.slice(20)}`
    },
  }
}
