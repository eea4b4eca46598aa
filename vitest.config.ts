import { readdirSync } from 'node:fs'
import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from 'vitest/config'
import { ENGINE_NAMES, engineNamed } from './test/browser/support/engine-names.ts'

/** The folders of `test/` by the suite that runs them: `npm test` runs the first, `npm run test:<name>` another. */
const SUITES = {
  core: ['adapters', 'client', 'contract', 'http', 'otel', 'postgres', 'unit', 'wycheproof'],
  fleet: ['audit', 'chaos', 'drivers', 'fleet', 'inspection', 'load', 'model', 'properties'],
  browser: ['browser'],
  apps: ['cli', 'console', 'demo', 'examples', 'moving', 'next', 'verify'],
  package: ['package'],
  frameworks: ['frameworks'],
  failover: ['failover'],
  runtimes: ['runtimes'],
  clients: ['clients', 'supertokens'],
  docs: ['docs', 'site'],
} as const

const listed: readonly string[] = Object.values(SUITES).flat()
for (const file of readdirSync(`${import.meta.dirname}/test`, { recursive: true, encoding: 'utf8' })) {
  const [folder = ''] = file.split(/[\\/]/)
  if (file.endsWith('.test.ts') && !listed.includes(folder)) throw new Error(`No suite runs test/${folder}.`)
}

/** Each engine runs the tests of `test/browser` as a project of its own. `PAWL_ENGINE` chooses one. */
const chosenEngine = engineNamed(process.env['PAWL_ENGINE'])

/** Packs the package once for all of these tests. */
const PACKAGE_SETUP = ['test/support/package/tarball.ts']
/** Says which engine is missing. */
const BROWSER_SETUP = ['test/browser/support/global-setup.ts']

type TestOptions = NonNullable<TestProjectInlineConfiguration['test']>

const suite = (
  name: string,
  folders: readonly string[],
  more: TestOptions = {},
): TestProjectInlineConfiguration => ({
  test: {
    name,
    include: folders.map((folder) => `test/${folder}/**/*.test.ts`),
    setupFiles: ['test/support/refuse-warnings.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // On a busy machine a worker may stand still for a second, while the answer has already arrived.
    expect: { poll: { timeout: 10_000 } },
    ...more,
    globalSetup: ['test/support/global-setup.ts', ...(more.globalSetup ?? [])],
  },
})

function suites(name: keyof typeof SUITES): TestProjectInlineConfiguration[] {
  const folders = SUITES[name]
  if (name === 'package' || name === 'runtimes') return [suite(name, folders, { globalSetup: PACKAGE_SETUP })]
  if (name === 'clients' || name === 'docs')
    return [suite(name, folders, { env: { PAWL_ENGINE: 'chromium' }, globalSetup: BROWSER_SETUP })]
  if (name !== 'browser') return [suite(name, folders)]
  return (chosenEngine ? [chosenEngine] : ENGINE_NAMES).map((engine, groupOrder) =>
    suite(`browser:${engine}`, folders, {
      env: { PAWL_ENGINE: engine },
      // Real browsers hang now and then in a test with ten windows. `second-attempts.ts` names the tests that ran twice.
      retry: 1,
      globalSetup: BROWSER_SETUP,
      // One engine after the other. Mixed, they keep the same number of workers busy, and the report is harder to read.
      sequence: { groupOrder },
    }),
  )
}

const config: ViteUserConfig = defineConfig({
  test: {
    reporters: ['default', './test/support/second-attempts.ts'],
    projects: (Object.keys(SUITES) as (keyof typeof SUITES)[]).flatMap(suites),
    // Tests wait half of the time, for child processes and the database: three workers keep two cores busy.
    maxWorkers: 3,
    // A timer, socket or process left behind is a bug.
    teardownTimeout: 10_000,
    slowTestThreshold: 10_000,
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'html'] },
  },
})

export default config
