import { afterAll, onTestFinished, type TestAPI, test, vi } from 'vitest'
import type { BrowserContext } from './browser.ts'
import type { ContextOptions } from './engine.ts'
import type { EngineName } from './engine-names.ts'
import { chooseEngine, missingEngine } from './engines.ts'

const { PAWL_ENGINE, CI } = process.env
const { name, engine } = chooseEngine(PAWL_ENGINE)
const missing = missingEngine(PAWL_ENGINE)

/** The engine of this run. */
export const engineName: EngineName = name

// A browser may share the machine with other tests.
vi.setConfig({ testTimeout: 170_000 })

/** `test`, but skipped if the engine is missing. If `CI` is set, it fails instead. */
export const browserTest: TestAPI = missing !== undefined && !CI ? (test.skip as TestAPI) : test

/** Opens a context with its own cookies and tabs. Closed after the test. */
export async function openContext(options: ContextOptions = {}): Promise<BrowserContext> {
  if (missing !== undefined) throw new Error(missing)
  const context = await engine.openContext(options)
  onTestFinished(() => context.close())
  return context
}

afterAll(() => engine.close())
