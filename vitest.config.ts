import { readdirSync } from 'node:fs'
import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from 'vitest/config'

/** The folders of `test/` by the suite that runs them: `npm test` runs the first, `npm run test:<name>` another. */
const SUITES = {
  core: [
    'adapters',
    'client',
    'contract',
    'docs',
    'http',
    'otel',
    'postgres',
    'properties',
    'unit',
    'verify',
    'wycheproof',
  ],
  fleet: ['chaos', 'fleet', 'model'],
  browser: ['browser'],
  apps: ['cli', 'demo', 'examples', 'moving'],
  package: ['package'],
  frameworks: ['frameworks'],
} as const

const listed: readonly string[] = Object.values(SUITES).flat()
for (const file of readdirSync(`${import.meta.dirname}/test`, { recursive: true, encoding: 'utf8' })) {
  const [folder = ''] = file.split(/[\\/]/)
  if (file.endsWith('.test.ts') && !listed.includes(folder)) throw new Error(`No suite runs test/${folder}.`)
}

/** Packs the package once for all of these tests. */
const PACKAGE_SETUP = ['test/support/package/tarball.ts']

const suite = (name: string, folders: readonly string[]): TestProjectInlineConfiguration => ({
  test: {
    name,
    include: folders.map((folder) => `test/${folder}/**/*.test.ts`),
    globalSetup: ['test/support/global-setup.ts', ...(name === 'package' ? PACKAGE_SETUP : [])],
    setupFiles: ['test/support/refuse-warnings.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})

const config: ViteUserConfig = defineConfig({
  test: {
    projects: Object.entries(SUITES).map(([name, folders]) => suite(name, folders)),
    // Tests wait half of the time, for child processes and the database: three workers keep two cores busy.
    maxWorkers: 3,
    // A timer, socket or process left behind is a bug.
    teardownTimeout: 10_000,
    slowTestThreshold: 10_000,
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'html'] },
  },
})

export default config
