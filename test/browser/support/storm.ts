import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { createRandom, type Random } from '../../chaos/random.ts'
import type { BrowserContext } from './browser.ts'
import { openContext } from './browser-test.ts'
import { answerWith, type Disturbance, type Held, loseAnswer } from './network.ts'
import type { Got } from './page.ts'
import { openSite, REFRESH, type Site } from './site.ts'
import { openTab, type Tab, withoutCoordination } from './tab.ts'

/** Lifetime of an access token, in seconds. Longer than any response takes. */
const LIFE = 30
/** The overlap, in seconds: twice as long as any response takes. */
const OVERLAP = 2 * (LIFE + 1)
const TABS = 4
/** The overlap option of the tabs, in seconds. Short, so that they soon give up on a response. */
const PATIENCE = 0.8

/** For 100 runs in the slowest engine on a busy machine, in ms. */
export const STORM_TIMEOUT = 600_000

export interface StormOptions {
  readonly runs: number
  /** Whether the tabs have Web Locks and a BroadcastChannel. */
  readonly coordinated: boolean
}

interface Storm {
  readonly random: Random
  readonly site: Site
  readonly context: BrowserContext
  /** All open tabs. */
  readonly pool: Tab[]
  /** The tabs of this run. */
  readonly tabs: Tab[]
  readonly user: string
  readonly asked: Promise<Got | 'gone'>[]
  readonly held: HeldSince[]
  readonly log: string[]
}

/** A response, and the time of its request. */
interface HeldSince extends Held {
  readonly since: number
}

/**
 * Runs random actions in several tabs of one browser. Each run begins with a login; the tabs keep their state from the
 * previous run. Throws if a user is logged out who should not be.
 */
export async function storm({ runs, coordinated }: StormOptions): Promise<void> {
  const seed = Number(process.env['PAWL_SEED'] ?? Date.now() % 1e9)
  console.log(`PAWL_SEED=${seed} (${runs} runs ${coordinated ? 'with' : 'without'} coordination)`)
  const random = createRandom(seed)
  const site = await openSite({
    // Turns end long before the clock of the test advances.
    sessions: { accessToken: { lifetime: LIFE }, rotation: { overlap: OVERLAP } },
  })
  const context = await openContext()
  if (!coordinated) await withoutCoordination(context)
  const pool: Tab[] = []
  for (let tab = 0; tab < TABS; tab++) pool.push(await openTab(context, site, { overlap: `${PATIENCE}` }))
  for (let run = 0; run < runs; run++) {
    const log: string[] = []
    try {
      await oneRun(random.fork(), site, context, pool, `user-${run}`, log)
    } catch (error) {
      throw new Error(`run ${run} of seed ${seed}: ${log.join(', ')}`, { cause: error })
    }
  }
}

async function oneRun(
  random: Random,
  site: Site,
  context: BrowserContext,
  pool: Tab[],
  user: string,
  log: string[],
): Promise<void> {
  const tabs = pool.toSorted(() => random.next() - 0.5).slice(0, 2 + Math.floor(random.next() * 3))
  expect(await tabs[0]!.login(user)).toBe(true)
  const run: Storm = { random, site, context, pool, tabs, user, asked: [], held: [], log }
  const steps = 4 + Math.floor(random.next() * 5)
  for (let step = 0; step < steps; step++) {
    const [name, act] = random.pick(ACTIONS)
    log.push(name)
    await act(run)
  }
  await settle(run)
  site.expire(random.pick([0, LIFE, 2 * OVERLAP + 6]))
  for (const tab of tabs) {
    expect(await askUntilAnswered(tab)).toStrictEqual({ status: 200, id: user })
    expect(await tab.logouts()).toBe(0)
  }
  // Only the next login in the same browser ends a session here.
  expect(site.ended.filter(({ reason }) => reason !== 'replaced')).toStrictEqual([])
}

/** Asks again if the tab gave up on a slow response, or takes cookies for blocked. Neither is a logout. */
async function askUntilAnswered(tab: Tab): Promise<Got> {
  for (let left = 5; ; left--) {
    const got = await tab.ask()
    const isUnsure = got.refresh === true && (await tab.problems()).includes('cookies-blocked')
    if (left === 0 || (got.status !== 0 && !isUnsure)) return got
    await pause(PATIENCE * 500)
  }
}

type Action = readonly [name: string, act: (run: Storm) => unknown]

const ACTIONS: readonly Action[] = [
  ['ask', ask],
  ['ask', ask],
  ['all ask', askAll],
  ['all ask', askAll],
  ['expire', expire],
  ['expire', expire],
  ['expire', expire],
  ['sleep', sleep],
  ['lose', ({ site }) => site.network.next(REFRESH, loseAnswer)],
  ['break', ({ site }) => site.network.next(REFRESH, () => null)],
  ['503', ({ site }) => site.network.next(REFRESH, answerWith(503, { 'retry-after': '1' }))],
  ['late answer', (run) => run.site.network.next(REFRESH, late(run, 0, 80))],
  ['late request', (run) => run.site.network.next(REFRESH, late(run, 80, 0))],
  ['hold', hold],
  ['hold', hold],
  ['release', release],
  ['reload', reload],
  ['close', close],
  ['offline', offline],
]

function ask(run: Storm): void {
  askIn(run, run.random.pick(run.tabs))
}

function askAll(run: Storm): void {
  for (const tab of run.tabs) askIn(run, tab)
}

function askIn({ asked, user }: Storm, tab: Tab): void {
  const answer = tab.ask().then(
    (got) => {
      const honest = got.status === 200 ? got.id === user : [0, 503].includes(got.status)
      // The session has not ended: the clock jumped past the token, or past the day on which its key retires.
      if (!honest && got.refresh !== true) throw new Error(`got ${JSON.stringify(got)}`)
      return got
    },
    () => 'gone' as const,
  )
  // Awaited at the end of the run.
  answer.catch(() => {})
  asked.push(answer)
}

/** Advances the clock while no request is under way, except those held back. */
async function expire({ site }: Storm): Promise<void> {
  await site.network.idle()
  site.expire(LIFE)
}

/** Advances the clock by a long time while no request is under way. */
async function sleep(run: Storm): Promise<void> {
  await settle(run)
  await run.site.sessions.flush()
  run.site.expire(run.random.pick([2 * OVERLAP + 6, 7200]))
}

function late({ random }: Storm, before: number, after: number): Disturbance {
  const [first, second] = [random.between(0, before), random.between(0, after)]
  return async (pass) => {
    await pause(first)
    const answer = await pass()
    await pause(second)
    return answer
  }
}

function hold({ site, held }: Storm): void {
  held.push({ ...site.network.hold(REFRESH), since: site.clock.now() })
}

/** Releases the newest response first, so that responses overtake each other. Loses those from before a clock change. */
function release({ site, held }: Storm): void {
  const answer = held.pop()
  if (answer?.since === site.clock.now()) answer.release()
  else answer?.lose()
}

async function reload({ random, tabs }: Storm): Promise<void> {
  await random.pick(tabs).page.reload()
}

async function close(run: Storm): Promise<void> {
  const index = Math.floor(run.random.next() * run.tabs.length)
  const tab = run.tabs[index]!
  await tab.page.close()
  run.tabs[index] = await openTab(run.context, run.site, { overlap: `${PATIENCE}` })
  run.pool[run.pool.indexOf(tab)] = run.tabs[index]
}

async function offline({ context }: Storm): Promise<void> {
  await context.setOffline(true)
  await pause(20)
  await context.setOffline(false)
}

/** Removes all handlers, and waits until no request is under way. */
async function settle(run: Storm): Promise<void> {
  run.site.network.calmDown()
  while (run.held.length > 0) release(run)
  const answers = await Promise.all(run.asked.splice(0))
  // If a new access token expires at once, a tab takes cookies for blocked, for half of its overlap.
  if (answers.some((got) => got !== 'gone' && got.status === 401)) await pause(PATIENCE * 500)
  await run.site.network.idle()
}
