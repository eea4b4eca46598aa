import { format } from 'node:util'
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
} from '@vitest/expect'

// Stands in for Vitest in runtimes that cannot run it. It has what the files of main.ts use.

type Work = () => unknown

interface Block {
  readonly title: string
  readonly parent: Block | null
  readonly before: Work[]
}

interface Test {
  readonly title: string
  readonly block: Block
  readonly run: Work
}

/** A test that failed, and why. */
export interface Failure {
  readonly title: string
  readonly error: string
}

export interface Report {
  readonly passed: number
  readonly failures: readonly Failure[]
}

/** In milliseconds, as of the other tests. */
const TEST_TIMEOUT = 30_000
/** In milliseconds. Vitest waits for one second. */
const WAIT_FOR = 10_000

let block: Block = newBlock('', null)
let tests: Test[] = []
let after: Work[] = []
const finished: Work[] = []

function newBlock(title: string, parent: Block | null): Block {
  return { title, parent, before: [] }
}

/** Runs the tests of one file. */
export async function runFile(load: () => Promise<unknown>): Promise<Report> {
  block = newBlock('', null)
  tests = []
  after = []
  const failures: Failure[] = []
  const attempt = async (title: string, work: Work): Promise<void> => {
    try {
      await work()
    } catch (error) {
      failures.push({ title, error: String((error as Error | null)?.stack ?? error) })
    }
  }
  let passed = 0
  await attempt('the file', load)
  for (const test of tests) {
    await attempt(titleOf(test), async () => {
      for (const { before } of lineOf(test.block)) for (const work of before.splice(0)) await work()
      try {
        await withTimeout(test.run)
      } finally {
        for (const work of finished.splice(0).toReversed()) await work()
      }
      passed++
    })
  }
  for (const work of after.toReversed()) await attempt('after the file', work)
  return { passed, failures }
}

/** The blocks around a test, the outermost first. */
function lineOf(inner: Block): Block[] {
  return inner.parent === null ? [inner] : [...lineOf(inner.parent), inner]
}

function titleOf(test: Test): string {
  return [...lineOf(test.block).map(({ title }) => title), test.title]
    .filter((title) => title !== '')
    .join(' > ')
}

async function withTimeout(run: Work): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The test took longer than ${TEST_TIMEOUT} ms.`)), TEST_TIMEOUT)
  })
  try {
    await Promise.race([run(), late])
  } finally {
    clearTimeout(timer)
  }
}

type Define = (title: string, run: (...row: never[]) => unknown) => void

interface DefineEach extends Define {
  /** Defines one for each row of a table. */
  each(rows: readonly unknown[]): Define
  /** Defines it, or nothing. */
  runIf(condition: boolean): Define
}

function withEach(define: Define): DefineEach {
  return Object.assign(define, {
    each:
      (rows: readonly unknown[]): Define =>
      (title, run) => {
        // As in Vitest, a table of arrays alone has several parameters a row.
        const isTable = rows.every((entry) => Array.isArray(entry))
        for (const entry of rows) {
          const row: readonly unknown[] = isTable ? (entry as readonly unknown[]) : [entry]
          const placeholders = title.match(/%[sj]/g)?.length ?? 0
          define(format(title, ...row.slice(0, placeholders)), () => run(...(row as never[])))
        }
      },
    runIf: (condition: boolean): Define => (condition ? define : () => {}),
  })
}

export const describe: DefineEach = withEach((title, define) => {
  const outer = block
  block = newBlock(title, outer)
  define()
  block = outer
})

export const it: DefineEach = withEach((title, run) => {
  tests.push({ title, block, run: () => run() })
})

export function beforeAll(work: Work): void {
  block.before.push(work)
}

export function afterAll(work: Work): void {
  after.push(work)
}

export function onTestFinished(work: Work): void {
  finished.push(work)
}

/** What the global setup of Vitest provides. */
export function inject(key: string): string {
  if (key !== 'serverUrl') throw new Error(`Nothing provides ${key} here.`)
  return process.env['SERVER_URL']!
}

export const vi: { waitFor(attempt: Work): Promise<void> } = {
  async waitFor(attempt: Work): Promise<void> {
    const until = performance.now() + WAIT_FOR
    for (;;) {
      try {
        await attempt()
        return
      } catch (error) {
        if (performance.now() > until) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  },
}

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin)
const expectation = (value: unknown, message?: string): unknown => chai.expect(value, message)

export const expect: typeof expectation = Object.assign(
  expectation,
  chai.expect,
  (globalThis as Record<symbol, unknown>)[ASYMMETRIC_MATCHERS_OBJECT],
  { unreachable: (message?: string) => chai.assert.fail(message ?? 'This must not be reached.') },
)
