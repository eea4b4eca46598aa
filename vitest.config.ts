import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** Folders of `test/`, by the suite that runs them. Each folder belongs to exactly one. */
const SUITES = {
  core: [
    'adapters',
    'cli',
    'client',
    'contract',
    'docs',
    'http',
    'model',
    'otel',
    'postgres',
    'properties',
    'unit',
    'verify',
  ],
  fleet: ['chaos', 'fleet'],
  browser: ['browser'],
  apps: ['demo', 'examples'],
  package: ['package'],
}

const config: ViteUserConfig = defineConfig({
  test: {
    projects: Object.entries(SUITES).map(([name, folders]) => ({
      test: {
        name,
        include: folders.map((folder) => `test/${folder}/**/*.test.ts`),
        globalSetup: ['test/support/global-setup.ts'],
        setupFiles: ['test/support/refuse-warnings.ts'],
        testTimeout: 30_000,
        hookTimeout: 60_000,
      },
    })),
    // Half of the time tests wait, for child processes and the database, so more run than there are cores of a small machine.
    maxWorkers: 3,
    // A left-over timer, socket or child process is a bug, not something to wait for.
    teardownTimeout: 10_000,
    coverage: { provider: 'v8', include: ['src/**'] },
  },
})

export default config
