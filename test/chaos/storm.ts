import { setTimeout as sleep } from 'node:timers/promises'
import type { Verdict } from '../../src/index.ts'
import { type BoundTheftFigures, judgeBoundThefts } from './bound-thefts.ts'
import { Browser, type World } from './browser.ts'
import { startDatabase } from './database.ts'
import { createNetwork } from './exchange.ts'
import { type FleetFigures, startFleet } from './fleet.ts'
import { inTurns } from './in-turns.ts'
import type { ServerConfig, ServerEvent } from './messages.ts'
import { startProxy } from './proxy.ts'
import { createRandom } from './random.ts'
import { type RestoreFigures, restoreAndCount } from './restore.ts'
import { clientTimeout, type Lifetimes, untilNextMinute } from './settings.ts'
import { createSigner } from './signer.ts'
import { judgeThefts, type TheftFigures, theftsOpen } from './thefts.ts'
import { MANNERS, Thief } from './thief.ts'
import { makeTrouble, type TroubleFigures } from './trouble.ts'

export interface StormOptions {
  readonly seed: number
  readonly seconds: number
  readonly clients: number
  readonly processes: number
  readonly thefts: number
  readonly lifetimes: Lifetimes
  /** Whether to copy the data in the middle and restore the copy at the end. */
  readonly restore: boolean
  readonly stopped: AbortSignal
  readonly say: (text: string) => void
}

export interface StormFigures {
  readonly tabs: number
  readonly requests: number
  readonly refreshes: number
  readonly unanswered: number
  readonly serverErrors: number
  readonly logins: number
  readonly verdicts: Record<string, number>
  readonly rolledBack: number
  readonly trouble: TroubleFigures
  readonly honestLogouts: number
  readonly stories: readonly {
    readonly client: string
    readonly code: string
    readonly lines: readonly string[]
  }[]
  /** Honest sessions that ended as `reuse` or `rollback`, according to the database. */
  readonly wronglyEnded: number
  readonly sessionsLost: number
  /** Refreshes that a limit put off. */
  readonly limited: { readonly honest: number; readonly thieves: number }
  readonly thefts: TheftFigures
  /** Sessions that were bound to the key of their client, and refreshes of these without a proof. */
  readonly bound: { readonly sessions: number; readonly proofsMissing: number }
  readonly boundThefts: BoundTheftFigures
  readonly processes: FleetFigures
  /** Heap at the end divided by the heap after a quarter of the run, for the worst process. */
  readonly heapRatio: number | null
  readonly restore: RestoreFigures | null
}

/** Probability of a missing row in the store of the last process. */
const ZERO_ROWS = 0.01
/** Every so many clients have a key, which their sessions are bound to. */
const BOUND_EVERY = 2
/** Number of stories in the report. */
const MAX_STORIES = 5
const SETTLE_WITHIN = 90_000
const PROGRESS_EVERY = 10_000

export async function storm(options: StormOptions): Promise<StormFigures> {
  const { lifetimes, stopped, say } = options
  const random = createRandom(options.seed)
  const undo: (() => unknown)[] = []
  try {
    const database = await startDatabase()
    undo.push(() => database.remove())
    const proxy = await startProxy(database.port)
    undo.push(() => proxy.close())

    const url = new URL(database.url)
    url.port = String(proxy.port)
    const configOf = (index: number): ServerConfig => ({
      databaseUrl: url.href,
      lifetimes,
      zeroRows: index === options.processes - 1 ? ZERO_ROWS : 0,
    })
    const log = createLog()
    const fleet = await startFleet(
      Array.from({ length: options.processes }, (_, index) => configOf(index)),
      log.onEvent,
    )
    undo.push(() => fleet.stop())
    const network = createNetwork()
    undo.push(() => network.close())

    const thieves: Thief[] = []
    const boundThieves: Thief[] = []
    /** Sessions that a thief may end: those that are not bound. */
    const stolen = new Set<string>()
    const copied = new Set<string>()
    const stories: { client: string; code: string; lines: readonly string[] }[] = []
    let honestLogouts = 0
    const world: World = {
      network,
      ports: () => fleet.ports,
      timeout: clientTimeout(lifetimes),
      accessTokenLifetime: (lifetimes.accessTokenLifetime * 1000) / lifetimes.speed,
      untilNextMinute: () => untilNextMinute(lifetimes),
      phase: 'storm',
      isStolen: (sessionId) => stolen.has(sessionId),
      honestLogout(browser, code) {
        honestLogouts++
        browser.story.add(`HONEST LOGOUT: ${code}`)
        if (stories.length < MAX_STORIES)
          stories.push({ client: browser.name, code: code ?? '', lines: browser.story.lines })
      },
    }
    const browsers = Array.from(
      { length: options.clients },
      (_, index) =>
        new Browser(
          `client-${index}`,
          world,
          random.fork(),
          index % BOUND_EVERY === 0 ? createSigner() : null,
        ),
    )
    log.watch(browsers)
    const tabs = browsers.reduce((sum, browser) => sum + browser.tabs, 0)
    say(`${browsers.length} clients with ${tabs} tabs, ${options.processes} processes`)

    const startedAt = Date.now()
    const until = startedAt + options.seconds * 1000
    const lives: Promise<unknown>[] = browsers.map((browser) => browser.live())
    const progress = setInterval(() => {
      say(
        `${Math.round((Date.now() - startedAt) / 1000)} s, ${world.phase}: ${network.figures.requests} requests, ${network.figures.refreshes} refreshes, ${network.figures.unanswered} unanswered, ${copied.size} thefts, ${honestLogouts} honest logouts`,
      )
    }, PROGRESS_EVERY)
    undo.push(() => {
      world.phase = 'over'
      clearInterval(progress)
    })

    const firstHeap = setTimeout(() => void fleet.measureHeaps(), options.seconds * 250)
    undo.push(() => clearTimeout(firstHeap))
    const plan = random.fork()
    const steal = async (): Promise<void> => {
      // Not at the beginning, before the logins, and not at the very end.
      const window = options.seconds * 1000 * 0.75
      await sleep(options.seconds * 100)
      for (let index = 0; index < options.thefts && world.phase === 'storm' && !stopped.aborted; index++) {
        const victim = plan.pick(browsers)
        const { sessionId } = victim
        const isBound = sessionId !== null && victim.boundSessionId === sessionId
        // A client that has no answer to its registration may be bound or not.
        const isKnown = isBound || !victim.mayBeBound
        if (victim.signedIn && sessionId !== null && isKnown && !copied.has(sessionId)) {
          copied.add(sessionId)
          if (!isBound) stolen.add(sessionId)
          const thief = new Thief(victim, MANNERS[index % MANNERS.length]!, world, plan.fork())
          ;(isBound ? boundThieves : thieves).push(thief)
          lives.push(thief.live())
        } else index--
        await sleep((window / options.thefts) * plan.between(0.1, 1.8))
        if (Date.now() >= until) break
      }
    }
    const stealing = steal()
    const every: readonly [number, number] =
      options.seconds < 30 ? [800, 1500] : [2000, Math.max(3000, Math.min(8000, options.seconds * 60))]
    const trouble = await makeTrouble(
      { database, fleet, proxy },
      {
        until,
        every,
        processes: options.processes,
        backupAt: options.restore ? startedAt + options.seconds * 400 : null,
      },
      random.fork(),
      stopped,
      say,
    )
    await stealing
    stopped.throwIfAborted()

    world.phase = 'settling'
    say('settles: every owner and every thief uses its tokens')
    const settleUntil = Date.now() + SETTLE_WITHIN
    while (Date.now() < settleUntil && (await theftsOpen(database, thieves)) > 0) {
      await sleep(500)
      stopped.throwIfAborted()
    }
    // Clients whose session has just ended sign in again.
    await sleep(2 * world.accessTokenLifetime)
    world.phase = 'over'
    await Promise.all(lives)
    clearInterval(progress)

    const thefts = await judgeThefts(
      database,
      thieves,
      world.accessTokenLifetime,
      (time) => lifetimes.epoch + (time - lifetimes.epoch) / lifetimes.speed,
    )
    const boundThefts = await judgeBoundThefts(database, boundThieves, world.accessTokenLifetime)
    const lost = await inTurns(browsers, stopped, async (browser): Promise<number> => {
      if (!browser.signedIn) return 0
      const { sessionId } = browser
      const state = await browser.stillWorks()
      if (state === 'works') return 0
      // The thief was found after the owner's last request, so the owner learns of it only now.
      if (state === 'ended' && sessionId !== null && stolen.has(sessionId)) return 0
      browser.story.add('SESSION LOST')
      if (stories.length < MAX_STORIES)
        stories.push({ client: browser.name, code: 'lost', lines: browser.story.lines })
      return 1
    })
    const [wrong] = await database.query<{ count: string }>(
      `select count(*) from pawl.sessions where end_reason in ('reuse', 'rollback') and not id = any($1::uuid[])`,
      [[...stolen]],
    )
    await fleet.measureHeaps()
    const ratios = fleet.heapRatios()
    say(`heap ratios: ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}`)
    stopped.throwIfAborted()
    const restore = options.restore ? await restoreAndCount(database, fleet, browsers, stopped, say) : null

    return {
      tabs,
      ...network.figures,
      logins: log.logins(),
      verdicts: log.verdicts,
      rolledBack: log.rolledBack(),
      trouble,
      honestLogouts,
      stories,
      wronglyEnded: Number(wrong!.count),
      sessionsLost: lost.reduce((sum, count) => sum + count, 0),
      limited: { honest: limitedOf(browsers), thieves: limitedOf([...thieves, ...boundThieves]) },
      thefts,
      bound: log.bound(),
      boundThefts,
      // Running processes report when they stop.
      processes: await fleet.stop().then(() => fleet.figures),
      heapRatio: ratios.length === 0 ? null : Math.round(Math.max(...ratios) * 100) / 100,
      restore,
    }
  } finally {
    for (const step of undo.reverse()) await step()
  }
}

function limitedOf(clients: readonly { readonly limited: number }[]): number {
  return clients.reduce((sum, { limited }) => sum + limited, 0)
}

/** Counts the events of the processes, and adds them to the stories of their clients. */
function createLog() {
  const verdicts: Record<Verdict | 'reused', number> = {
    current: 0,
    steady: 0,
    sibling: 0,
    successor: 0,
    late: 0,
    ahead: 0,
    renewed: 0,
    reused: 0,
  }
  let watched: readonly Browser[] = []
  let rolledBack = 0
  let logins = 0
  const bound = { sessions: 0, proofsMissing: 0 }
  const browserOf = (sessionId: string): Browser | undefined =>
    watched.find((browser) => browser.sessionId === sessionId)
  return {
    verdicts,
    rolledBack: () => rolledBack,
    logins: () => logins,
    bound: () => bound,
    watch(browsers: readonly Browser[]) {
      watched = browsers
    },
    onEvent(event: ServerEvent, process: number) {
      if (event.name === 'created') logins++
      else if (event.name === 'refreshed') verdicts[event.verdict]++
      else if (event.name === 'reused') verdicts.reused++
      else if (event.name === 'rolledBack') rolledBack++
      else if (event.name === 'deviceBound') bound.sessions++
      else if (event.name === 'deviceProofMissing') bound.proofsMissing++
      if (event.name === 'refreshed' || event.name === 'created') return
      const { name, sessionId, ...rest } = event
      browserOf(sessionId)?.story.add(`process ${process} reports: ${name} ${JSON.stringify(rest)}`)
    },
  }
}
