import { setTimeout as pause } from 'node:timers/promises'
import type { BrowserContext, Page } from './browser.ts'
import { PATIENCE } from './engine.ts'
import type { WebDriver } from './webdriver.ts'
import { clickMarked, queriesBy, type Step, takeStep } from './webkit-locator.ts'

/** How often a page looks at a condition, in ms. */
const POLL = 20
/** How long a script waits for it, in ms. */
const WAIT = 1000
/** After this time a script that waits, or has been told to end, has no result any more, in ms. */
const LOST = 3 * WAIT
/** Ends the scripts of a page that is about to be closed. */
const CLOSING = 'pawl-test:closing'
/** How the driver says that a page was left before its script had a result. */
const LEFT = /before the unload event|no such frame/

/** What a script reports. */
interface Outcome {
  readonly url: string
  readonly value?: unknown
  readonly error?: string
  readonly left?: true
}

/** The page was left before its script had a result. */
class PageLeftError extends Error {
  override readonly name = 'PageLeftError'
}

function unlessLeft(error: unknown): undefined {
  if (!(error instanceof PageLeftError)) throw error
}

/** Controls a tab by WebDriver. */
export function webKitPage(driver: WebDriver, handle: string, context: BrowserContext): Page {
  const running = new Set<Promise<unknown>>()
  let url = 'about:blank'

  async function command(method: string, path: string, body?: object): Promise<void> {
    await driver.inWindow(handle, method, path, body)
  }

  /** @param script source of a function of one argument */
  async function run(script: string, given: unknown): Promise<unknown> {
    const text = await driver
      .inWindow<string>(handle, 'POST', '/execute/async', {
        script: reporting(script),
        args: [given ?? null],
      })
      .catch((error: Error) => {
        throw LEFT.test(error.message) ? new PageLeftError(error.message) : error
      })
    const outcome = JSON.parse(text) as Outcome
    url = outcome.url
    if (outcome.left) throw new PageLeftError(url)
    if (outcome.error !== undefined) throw new Error(outcome.error)
    return outcome.value
  }

  function evaluate<R>(script: unknown, given?: unknown): Promise<R> {
    const result = run(String(script), given)
    running.add(result)
    const forget = () => running.delete(result)
    result.then(forget, forget)
    return result as Promise<R>
  }

  /** Waits in the page until the result is truthy, and continues in the next page if this one is left. */
  async function until<R>(condition: unknown, given?: unknown): Promise<R> {
    const script = `async (given) => {
      for (let left = ${WAIT / POLL}; left > 0; left--) {
        const result = await (${condition})(given)
        if (result) return result
        await new Promise((resolve) => setTimeout(resolve, ${POLL}))
      }
    }`
    for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; ) {
      // The driver loses a script that it starts just when the page is left.
      const lost = new AbortController()
      const result = await Promise.race([
        evaluate<R | undefined>(script, given).catch(unlessLeft),
        pause(LOST, undefined, { signal: lost.signal }),
      ]).finally(() => lost.abort())
      if (result) return result
    }
    throw new Error(`Waited too long at ${url} for ${condition} of ${JSON.stringify(given)}`)
  }

  async function take(step: Step): Promise<unknown> {
    const [result] = await until<[unknown?]>(takeStep, step)
    // A click may leave the page.
    if (step.action === 'click') await evaluate(clickMarked).catch(unlessLeft)
    return result
  }

  const queries = queriesBy(take)
  return {
    ...queries,
    context: () => context,
    goto: (to) => command('POST', '/url', { url: to }),
    reload: () => command('POST', '/refresh', {}),
    url: () => url,
    title: () => evaluate(() => document.title),
    evaluate,
    waitForFunction: until,
    waitForURL(glob) {
      const pattern = `^${glob.replace(/[\\^$.|?+()[\]{}]/g, '\\$&').replace('**', '.*')}$`
      return until(
        (pattern: string) => new RegExp(pattern).test(location.href) && document.readyState === 'complete',
        pattern,
      )
    },
    waitForLoadState: () => until(() => document.readyState === 'complete'),
    fill: (css, text) => queries.locator(css).fill(text),
    click: (css) => queries.locator(css).click(),
    textContent: (css) => queries.locator(css).textContent(),
    async close() {
      // WebKitWebDriver crashes if it closes a window in which a script is running.
      const script = `dispatchEvent(new Event('${CLOSING}'))`
      await command('POST', '/execute/sync', { script, args: [] })
      await Promise.race([Promise.allSettled(running), pause(LOST, undefined, { ref: false })])
      await command('DELETE', '/window')
    },
  }
}

/** The source of a script for WebDriver that runs the function, and reports an {@link Outcome} as JSON. */
function reporting(script: string): string {
  // Scripts of a page in the back/forward cache stand still, so each reports when its page is left.
  return `
    const [given, done] = arguments
    const ended = new AbortController()
    const report = (outcome) => {
      if (ended.signal.aborted) return
      ended.abort()
      done(JSON.stringify({ ...outcome, url: location.href }))
    }
    for (const type of ['pagehide', '${CLOSING}'])
      addEventListener(type, () => report({ left: true }), { signal: ended.signal })
    new Promise((resolve) => resolve((${script})(given))).then(
      (value) => report({ value }),
      (error) => report({ error: String(error) }),
    )`
}
