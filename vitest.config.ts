import { defineConfig, type ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A left-over timer, socket or child process is a bug, not something to wait for.
    teardownTimeout: 10_000,
    coverage: { provider: 'v8', include: ['src/**'] },
  },
})

export default config
