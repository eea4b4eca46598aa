import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from 'vitest/config'

/** The folders of `test/` by the suite that runs them: `npm test` runs the first, `npm run test:<name>` another. */
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
} as const

const suite = (name: string, folders: readonly string[]): TestProjectInlineConfiguration => ({
  test: {
    name,
    include: folders.map((folder) => `test/${folder}/**/*.test.ts`),
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/refuse-warnings.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})

/** The compiler is the test: these files never run. `npm test` includes them. */
const types: TestProjectInlineConfiguration = {
  test: {
    name: 'types',
    include: [],
    typecheck: {
      enabled: true,
      only: true,
      include: ['test/types/*.test-d.ts'],
      tsconfig: 'test/types/tsconfig.json',
    },
  },
}

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [...Object.entries(SUITES).map(([name, folders]) => suite(name, folders)), types],
    // Half of the time tests wait, for child processes and the database, so more run than there are cores of a small machine.
    maxWorkers: 3,
    // A left-over timer, socket or child process is a bug, not something to wait for.
    teardownTimeout: 10_000,
    slowTestThreshold: 5_000,
    coverage: { provider: 'v8', include: ['src/**'] },
  },
})

export default config
