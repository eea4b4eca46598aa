import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type LaunchOptions } from 'playwright-core'
import { afterAll, onTestFinished, type TestAPI, test, vi } from 'vitest'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]
const MISSING =
  'No Chromium found, so browser tests are skipped (with CI set they fail). Run `apt-get install chromium`, or set PAWL_CHROMIUM to its path.'
const { PAWL_CHROMIUM, PATH = '', CI } = process.env

const executable = find()
let running: Promise<Browser> | undefined

// A browser may share the machine with other tests.
vi.setConfig({ testTimeout: 170_000 })
if (executable === undefined) console.log(MISSING)

/** `test`, but skipped if there is no Chromium. If `CI` is set, it fails instead. */
export const browserTest: TestAPI = executable === undefined && !CI ? (test.skip as TestAPI) : test

/** The options that start every browser of the tests. Nothing is downloaded. */
export function launchOptions(): LaunchOptions {
  if (executable === undefined) throw new Error(MISSING)
  return {
    executablePath: executable,
    args: [
      // Chromium refuses to run its sandbox as root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--host-resolver-rules=MAP *.pawl.test 127.0.0.1, MAP evil.test 127.0.0.1',
      '--ignore-certificate-errors',
      '--renderer-process-limit=4',
    ],
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  }
}

/** Opens a context with its own cookies and tabs, in the one browser of this file. Closed after the test. */
export async function openContext(
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<BrowserContext> {
  running ??= chromium.launch(launchOptions())
  const context = await (await running).newContext(options)
  context.setDefaultTimeout(90_000)
  onTestFinished(() => context.close())
  return context
}

afterAll(async () => {
  await (await running)?.close()
})

function find(): string | undefined {
  if (PAWL_CHROMIUM) return PAWL_CHROMIUM
  const found = PATH.split(delimiter).flatMap((directory) => NAMES.map((name) => join(directory, name)))
  return [...found, ...ELSEWHERE].find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
