import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { SECRET } from '../chaos/settings.ts'
import { sharedClock } from '../fleet/commands.ts'
import { createFleet, type Member } from '../fleet/process.ts'
import { silentLogger } from '../support/logger.ts'
import { judgeLosses, judgeRevoked, type Revocation } from './judge.ts'
import { type Hook, LOAD_SCHEMA, type LoadOptions } from './options.ts'
import type { LoadReport } from './report.ts'
import { createRows, type Rows } from './rows.ts'
import { count, createTimeline, latencyOf } from './timeline.ts'
import { createUsers } from './users.ts'

/** How long a user tries to come back at the end, in ms. After Ctrl-C nobody wants to wait that long. */
const PATIENCE = { atTheEnd: 60_000, interrupted: 5000 }
/** After the last answer, a lost end is repeated within `pollInterval` and this, in ms. */
const SETTLE = 5000
const PROGRESS = 5000

/**
 * Short lives, so that refreshes rotate tokens all the time. Pawl looks for a missing row for one second, so half the
 * overlap must be longer.
 */
const OPTIONS = {
  rotation: { overlap: 3, gracePeriod: 6 },
  accessToken: { lifetime: 60 },
  limits: { refreshesPerMinute: null },
} as const

/**
 * Runs honest users on any database, in processes that share nothing else, and judges what became of their sessions.
 * @throws if the database cannot be prepared, or a process does not start
 */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const { urls, seconds, processes, clients, pace = 1, schema = LOAD_SCHEMA, pollInterval = 1 } = options
  const { listen = [true], say } = options
  const rows = createRows(urls, schema)
  const mine = await rows.prepare()
  const settings = { ...OPTIONS, secret: SECRET, revocation: { pollInterval } }
  const fleet = createFleet()
  try {
    // One process makes the tables, so that a mistake is told once.
    const first = await createSessions({
      ...settings,
      store: postgres({ connectionString: urls[0]!, schema, maxConnections: 1, listen: false }),
      logger: silentLogger,
    })
    await first.close()
    const members = await fleet.startMany(processes, (index) => ({
      url: urls[index % urls.length]!,
      listen: listen[index % listen.length]!,
      schema,
      secret: SECRET,
      options: { ...settings, secret: undefined } as object,
    }))
    return await load(options, members, rows, { pace, pollInterval, total: processes * clients, seconds })
  } finally {
    await fleet.stop()
    if (mine && options.keep !== true) await rows.drop()
    else say(`the schema ${schema} stays in the database`)
  }
}

async function load(
  { hooks, stopped = new AbortController().signal, say, processes }: LoadOptions,
  members: readonly Member[],
  rows: Rows,
  {
    pace,
    pollInterval,
    total,
    seconds,
  }: { pace: number; pollInterval: number; total: number; seconds: number },
): Promise<LoadReport> {
  const startedAt = sharedClock()
  const timeline = createTimeline()
  const users = createUsers({ count: total, pace, members, timeline, startedAt })
  const { seen } = users
  say(`${processes} processes run, ${total} users log in`)
  const ended = AbortSignal.any([stopped, AbortSignal.timeout(seconds * 1000)])
  // Every user waits for it.
  setMaxListeners(0, ended)
  let printed = 0
  const progress = setInterval(() => {
    const counts = timeline.perSecond.slice(printed)
    printed = timeline.perSecond.length
    const sum = (index: 0 | 1): number => counts.reduce((total, pair) => total + pair[index], 0)
    say(`${sum(0)} calls worked, ${sum(1)} failed; ${seen.findings.length} sessions lost so far`)
  }, PROGRESS)
  try {
    const [started] = await Promise.all([runHooks(hooks, startedAt, ended, say), users.act(ended)])
    say('everybody comes back once more')
    await users.comeBack(stopped.aborted ? PATIENCE.interrupted : PATIENCE.atTheEnd)
    const alive = await untilEnded(rows, seen.revoked, pollInterval * 1000 + SETTLE)
    const outages = timeline.outages()
    const events: Record<string, number> = {}
    for (const { events: told } of members) for (const { name } of told) count(events, name)
    return {
      seconds,
      processes,
      clients: total,
      sessions: seen.logins,
      revoked: seen.revoked.length,
      worked: timeline.worked,
      ...judgeLosses(seen.findings, outages),
      revived: judgeRevoked(seen.revoked, alive ?? new Set(), outages),
      errors: timeline.errors,
      events,
      refreshMs: latencyOf(timeline.refreshes),
      revocationMs: latencyOf(seen.revocationTimes()),
      perSecond: timeline.perSecond,
      recoveries: timeline.recoveries(started),
      crashed: members.filter((member) => !member.alive).length,
      rowsRead: alive !== null,
    }
  } finally {
    clearInterval(progress)
  }
}

/** @returns when each hook started, in milliseconds after the start of the load */
async function runHooks(
  hooks: readonly Hook[],
  startedAt: number,
  ended: AbortSignal,
  say: (text: string) => void,
): Promise<{ name: string; at: number; failed: string | null }[]> {
  const started = await Promise.all(
    hooks.map(async ({ name, at: due, run }) => {
      await sleep(due * 1000, undefined, { signal: ended }).catch(() => {})
      if (ended.aborted) return null
      const at = sharedClock() - startedAt
      say(`starts: ${name}`)
      const failed = await run().then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      )
      say(failed === null ? `done: ${name}` : `FAILED: ${name}: ${failed}`)
      return { name, at, failed }
    }),
  )
  return started.filter((hook) => hook !== null).sort((a, b) => a.at - b.at)
}

/**
 * Waits until the database shows all ends, because the processes repeat an end that a failover lost.
 * @returns those that do not end; null if the rows could not be read
 */
async function untilEnded(
  rows: Rows,
  revoked: readonly Revocation[],
  within: number,
): Promise<Set<string> | null> {
  const until = Date.now() + within
  let ids = revoked.map(({ sessionId }) => sessionId)
  try {
    for (;;) {
      const alive = await rows.alive(ids, PATIENCE.atTheEnd)
      if (alive.size === 0 || Date.now() > until) return alive
      ids = [...alive]
      await sleep(500)
    }
  } catch {
    return null
  }
}
