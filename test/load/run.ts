import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSessions, type SessionsOptions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { quoted } from '../../src/postgres/names.ts'
import { SECRET } from '../chaos/settings.ts'
import { type Event, sharedClock } from '../fleet/commands.ts'
import { createFleet, type Member } from '../fleet/process.ts'
import { silentLogger } from '../support/logger.ts'
import { runHooks } from './hooks.ts'
import { judgeLosses, judgeRevoked } from './judge.ts'
import { LOAD_SCHEMA, type LoadOptions } from './options.ts'
import type { LoadReport } from './report.ts'
import { createRows, type Rows } from './rows.ts'
import { count, createTimeline, latencyOf } from './timeline.ts'
import { createUsers, type Seen, USER_PREFIX } from './users.ts'

/** How long the end of the load waits for a database that is away, in ms. */
const PATIENCE = { usual: 60_000, interrupted: 5000 }
/** Pawl repeats a lost end within `pollInterval` of reaching the database. This is for a busy machine, in ms. */
const SETTLE = 5000
const SETTLE_CHECK = 500
const PROGRESS = 5000

/**
 * Short lives, so that refreshes rotate tokens all the time. Pawl looks for a missing row for one second, so half the
 * overlap must be longer.
 */
const LIVES: Omit<SessionsOptions, 'store' | 'secret'> = {
  rotation: { overlap: 3, gracePeriod: 6 },
  accessToken: { lifetime: 60 },
  limits: { refreshesPerMinute: null },
}

/**
 * Runs honest users on any database, in processes that share nothing else, and judges what became of their sessions.
 * @throws if the database cannot be prepared or a process does not start
 */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const {
    urls,
    processes,
    schema = LOAD_SCHEMA,
    listen = [true],
    secret = SECRET,
    pollInterval = 1,
  } = options
  const { stopped, say } = options
  const settings = { ...LIVES, revocation: { pollInterval } }
  await assertReachable(urls[0]!, schema)
  const rows = createRows(urls, schema)
  const disposable = (await rows.prepare()) && options.keep !== true
  const fleet = createFleet()
  try {
    const store = postgres({ connectionString: urls[0]!, schema, listen: false })
    // This process makes the tables and the signing key, so that a mistake is told once.
    await (await createSessions({ ...settings, secret, store, logger: silentLogger })).close()
    stopped?.throwIfAborted()
    const members = await fleet.startMany(processes, (index) => ({
      url: urls[index % urls.length]!,
      listen: listen[index % listen.length]!,
      schema,
      secret,
      options: settings,
    }))
    const report = await load(options, members, rows)
    await Promise.all(members.map((member) => member.close().catch(() => {})))
    return report
  } finally {
    await fleet.stop()
    if (disposable) await drop(rows, schema, say)
    else
      say(`The schema ${schema} stays, with users whose ids begin with ${USER_PREFIX}. ${dropHint(schema)}`)
  }
}

/** The first connection is Pawl's, because its errors name the remedy. */
async function assertReachable(connectionString: string, schema: string): Promise<void> {
  const store = postgres({ connectionString, schema, listen: false, migrate: false })
  try {
    await store.status()
  } finally {
    await store.close()
  }
}

async function load(options: LoadOptions, members: readonly Member[], rows: Rows): Promise<LoadReport> {
  const { hooks, processes, seconds, say, pace = 1, pollInterval = 1 } = options
  const { stopped = new AbortController().signal } = options
  const clients = processes * options.clients
  const startedAt = sharedClock()
  const timeline = createTimeline()
  const users = createUsers({ count: clients, pace, members, timeline, startedAt })
  const { seen } = users
  // Not `AbortSignal.timeout`: Node.js 20 may collect it as garbage, because `any` does not hold it. The load then never ends.
  const timeUp = new AbortController()
  const timer = setTimeout(() => timeUp.abort(), seconds * 1000)
  const ended = AbortSignal.any([stopped, timeUp.signal])
  // Every user waits for them.
  setMaxListeners(0, ended, stopped)

  say(`${clients} users log in at ${processes} processes`)
  let told = 0
  const progress = setInterval(() => {
    const counts = timeline.perSecond.slice(told)
    told = timeline.perSecond.length
    const sum = (index: 0 | 1): number => counts.reduce((total, pair) => total + pair[index], 0)
    say(`${sum(0)} calls worked, ${sum(1)} failed; ${seen.findings.length} sessions lost so far`)
  }, PROGRESS)
  try {
    const [started] = await Promise.all([runHooks(hooks, startedAt, ended, say), users.act(ended)])
    say('every user comes back once more')
    await users.comeBack(PATIENCE.usual, stopped)
    const patience = stopped.aborted ? PATIENCE.interrupted : PATIENCE.usual
    const alive = await untilEnded(rows, seen, pollInterval * 1000 + SETTLE, patience)
    const outages = timeline.outages()
    return {
      seconds,
      processes,
      clients,
      sessions: seen.logins,
      revoked: seen.revoked.length,
      worked: timeline.worked,
      ...judgeLosses(seen.findings, outages),
      revived: judgeRevoked(seen.revoked, alive ?? new Set(), outages),
      errors: timeline.errors,
      events: countEvents(members.flatMap((member) => member.events)),
      refreshMs: latencyOf(timeline.refreshes),
      revocationMs: latencyOf(seen.revocationTimes()),
      revocationsUnseen: seen.unseenRevocations(),
      perSecond: timeline.perSecond,
      recoveries: timeline.recoveries(started),
      crashed: members.filter((member) => !member.alive).length,
      rowsRead: alive !== null,
    }
  } finally {
    clearTimeout(timer)
    clearInterval(progress)
  }
}

/**
 * Waits until the database and every process know all ends: the processes repeat an end that a failover lost.
 * @returns the sessions that do not end; `null` if the rows could not be read
 */
async function untilEnded(
  rows: Rows,
  { revoked, unseenRevocations }: Seen,
  within: number,
  patience: number,
): Promise<ReadonlySet<string> | null> {
  const until = performance.now() + within
  let ids = revoked.map(({ sessionId }) => sessionId)
  try {
    for (;;) {
      const alive = await rows.alive(ids, patience)
      const done = alive.size === 0 && unseenRevocations() === 0
      if (done || performance.now() > until) return alive
      ids = [...alive]
      await sleep(SETTLE_CHECK)
    }
  } catch {
    return null
  }
}

function countEvents(events: readonly Event[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { name, event } of events) {
    const detail = event['operation'] ?? event['reason']
    count(counts, detail === undefined ? name : `${name}:${detail}`)
  }
  return counts
}

/** Never rejects, because the report matters more. */
async function drop(rows: Rows, schema: string, say: (text: string) => void): Promise<void> {
  await rows.drop().catch(() => say(`The schema ${schema} could not be dropped. ${dropHint(schema)}`))
}

function dropHint(schema: string): string {
  return `To drop it: drop schema ${quoted(schema)} cascade`
}
