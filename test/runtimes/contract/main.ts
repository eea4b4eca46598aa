import { type Report, runFile } from './harness.ts'

// Runs the contract of the stores in another runtime, and tests of what runtimes have done differently.
// Settings change the parsers of `pg`, so each file runs for itself.
const FILES: Readonly<Record<string, () => Promise<unknown>>> = {
  memory: () => import('../../contract/memory.test.ts'),
  postgres: () => import('../../contract/postgres.test.ts'),
  settings: () => import('../../contract/settings.test.ts'),
  addresses: () => import('../../unit/client-address.test.ts'),
  contexts: () => import('../../unit/context.test.ts'),
}

const reports: Record<string, Report> = {}
for (const [name, load] of Object.entries(FILES)) reports[name] = await runFile(load)
process.stdout.write(JSON.stringify(reports), () => process.exit())
