import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{shared,agent,coordinator,cli}/src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 30_000,
  },
})
