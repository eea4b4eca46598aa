import { CLOCK_TOLERANCE } from '../../portable/clock-tolerance.ts'
import { methodOptions } from '../../portable/options/method-options.ts'
import type { ProgressOptions, RevokeAll } from '../api.ts'
import type { Engine } from '../engine.ts'
import { keysDueBefore } from '../keys/retention.ts'
import { reportBackgroundError } from '../observability/background-errors.ts'
import { guard } from '../observability/events.ts'
import { createEnding, publishEnd } from '../session/ending.ts'
import { delay } from '../time/delay.ts'
import { type Background, type Duty, repeat } from '../time/repeat.ts'

/** Rows that `revokeAll` scans with one statement. */
const REVOKE_BATCH = 1000
/** Rows deleted with one statement: few, so that it holds its locks only briefly. */
const PRUNE_BATCH = 500
/** Milliseconds between batches, so that replicas and autovacuum keep up. */
const PRUNE_PAUSE = 20
/** How often the key table is read, in ms. */
const KEYS_INTERVAL = 60_000
/** How often the offset to the database's clock is measured, in ms. */
const CLOCK_INTERVAL = 30_000
/** Clock skew is reported again after it has changed by this many milliseconds. */
const SKEW_STEP = 1000

/** What every process does regularly: it measures the clock, repeats lost ends, reads and rotates signing keys. */
export function createDuties(
  { options, events, ring, clock, revocations, lostEnds }: Omit<Engine, 'onDemand'>,
  isStopped: () => boolean,
): readonly Duty[] {
  let reportedSkew = 0
  const measureClock = async (): Promise<void> => {
    revocations.deleteExpired()
    const skew = await clock.synchronize().catch((error: unknown) => {
      reportBackgroundError(events, 'clock', error)
      return 0
    })
    if (Math.abs(skew) <= CLOCK_TOLERANCE || Math.abs(skew - reportedSkew) < SKEW_STEP) return
    reportedSkew = skew
    events.emit('clockSkew', { milliseconds: Math.round(skew) })
  }
  const reloadKeys = async (): Promise<void> => {
    try {
      await ring.reload()
    } catch (error) {
      if (!isStopped()) reportBackgroundError(events, 'keys', error)
    }
  }
  return [
    { interval: CLOCK_INTERVAL, work: measureClock },
    { interval: options.revocation.pollInterval, work: () => lostEnds.tick() },
    { interval: KEYS_INTERVAL, work: reloadKeys },
  ]
}

/** Starts the background work: the duties, and deleting rows past their retention. */
export function startMaintenance(engine: Engine): Background {
  const { options, events, lostEnds, store } = engine
  let stopped = false
  const duties = createDuties(engine, () => stopped).map(({ interval, work }) => repeat(interval, work))
  const interval = options.privacy.pruneInterval
  const pruneWork =
    interval === null || store.readOnly === true
      ? null
      : repeat(
          interval,
          async () => {
            try {
              await prune(engine, {}, () => stopped)
            } catch (error) {
              if (!stopped) reportBackgroundError(events, 'prune', error)
            }
          },
          // Processes that started together do not prune together.
          Math.random() * interval,
        )
  return {
    async stop() {
      stopped = true
      await Promise.all([...duties.map((duty) => duty.stop()), pruneWork?.stop()])
      await lostEnds.settled()
    },
  }
}

/** Deletes rows past their retention and keys that name no session any more. @returns how many sessions it deleted */
export function prune(
  { store, clock, events, options, ring }: Engine,
  given: ProgressOptions | undefined,
  stopped: () => boolean = () => false,
): Promise<number> {
  const { onProgress } = methodOptions('prune', given, 'onProgress')
  const progress = guard('`onProgress`', onProgress ?? (() => {}))
  return options.telemetry.trace('prune', async () => {
    const now = clock.now()
    let sessions = 0
    for (let due = PRUNE_BATCH; due === PRUNE_BATCH && !stopped(); ) {
      const batch = await store.prune(now, PRUNE_BATCH)
      due = batch.due
      sessions += batch.deleted
      if (batch.deleted > 0) progress(sessions)
      if (due === PRUNE_BATCH) await delay(PRUNE_PAUSE)
    }
    const keys = await store.deleteKeys(keysDueBefore(ring.list(), now))
    if (sessions > 0 || keys > 0) events.emit('pruned', { sessions, keys })
    return sessions
  })
}

/**
 * Ends all sessions, or those last seen before `lastSeenBefore`.
 * @returns how many sessions this call ended
 * @throws TypeError for an invalid `lastSeenBefore`
 */
export async function revokeAll(engine: Engine, given: RevokeAll | undefined): Promise<number> {
  const { lastSeenBefore, onProgress } = methodOptions('revokeAll', given, 'lastSeenBefore', 'onProgress')
  if (
    lastSeenBefore !== undefined &&
    !(lastSeenBefore instanceof Date && Number.isFinite(lastSeenBefore.getTime()))
  )
    throw new TypeError('`lastSeenBefore` takes a Date')
  const progress = guard('`onProgress`', onProgress ?? (() => {}))
  const { store, clock } = engine
  // Sessions created while this runs are not ended.
  const before = { created: clock.now(), seen: lastSeenBefore?.getTime() ?? null }
  let total = 0
  let last: string | null = null
  do {
    const batch: Awaited<ReturnType<typeof store.endBatch>> = await store.endBatch(
      createEnding(engine, 'revoked', clock.now()),
      before,
      last,
      REVOKE_BATCH,
    )
    for (const { id, userId } of batch.ended) publishEnd(engine, id, userId, 'revoked')
    total += batch.ended.length
    last = batch.last
    progress(total)
  } while (last !== null)
  return total
}
