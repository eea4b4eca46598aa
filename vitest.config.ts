import { defineConfig, type ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    include: ['test/**/*.test.ts'],
    // Half of the time tests wait, for child processes and the database, so more run than there are cores of a small machine.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A left-over timer, socket or child process is a bug, not something to wait for.
    teardownTimeout: 10_000,
    coverage: { provider: 'v8', include: ['src/**'] },
  },
})

export default config
