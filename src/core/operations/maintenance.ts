import { CLOCK_TOLERANCE } from '../../portable/clock-tolerance.ts'
import type { ProgressOptions, RevokeAll } from '../api.ts'
import type { Engine } from '../engine.ts'
import { guard } from '../observability/events.ts'
import { announceEnd, ending } from '../session/ending.ts'
import { pause } from '../time/pause.ts'
import { type Background, repeat } from '../time/repeat.ts'

/** Rows looked at for ending them. */
const SCAN = 1000
/** Rows per statement: few enough that none of them holds locks or the log up for long. */
const BATCH = 500
/** Between batches, in ms: replicas and autovacuum keep up. */
const PAUSE = 20
/** The key table is read again this often, in ms. */
const KEYS_EVERY = 60_000
/** The clock is measured this often, in ms. */
const CLOCK_EVERY = 30_000
/** A clock that is off is told of again once that differs by so much, in ms. */
const SKEW_STEP = 1000

/** What nobody waits for: signing keys are read and rotated, and rows kept for nothing deleted. */
export function startMaintenance(engine: Engine): Background {
  const { options, events, ring, clock, revocations } = engine
  let stopped = false
  let toldSkew = 0
  const measuring = repeat(CLOCK_EVERY, async () => {
    revocations.forget()
    // The database being away is told of by what cannot do without it.
    const skew = await clock.synchronize().catch(() => 0)
    if (Math.abs(skew) <= CLOCK_TOLERANCE || Math.abs(skew - toldSkew) < SKEW_STEP) return
    toldSkew = skew
    events.emit('clockSkew', { milliseconds: Math.round(skew) })
  })
  const keys = repeat(KEYS_EVERY, async () => {
    try {
      await ring.reload()
    } catch (error) {
      if (!stopped) events.emit('storeUnavailable', { operation: 'keys', error })
    }
  })
  const interval = options.privacy.pruneInterval
  const pruning =
    interval === null
      ? null
      : repeat(
          interval,
          async () => {
            try {
              await prune(engine, {}, () => stopped)
            } catch (error) {
              if (!stopped) events.emit('storeUnavailable', { operation: 'prune', error })
            }
          },
          // A fleet that was deployed at once does not prune at once.
          Math.random() * interval,
        )
  return {
    async stop() {
      stopped = true
      await Promise.all([measuring.stop(), keys.stop(), pruning?.stop()])
    },
  }
}

/** @returns how many rows of sessions this call deleted */
export function prune(
  { store, clock, events, options }: Engine,
  { onProgress }: ProgressOptions,
  stopped: () => boolean = () => false,
): Promise<number> {
  const progress = guard('`onProgress`', onProgress ?? (() => {}))
  return options.telemetry.trace('prune', async () => {
    const now = clock.now()
    let sessions = 0
    for (let due = BATCH; due === BATCH && !stopped(); ) {
      const batch = await store.prune(now, BATCH)
      due = batch.due
      sessions += batch.deleted
      if (batch.deleted > 0) progress(sessions)
      if (due === BATCH) await pause(PAUSE)
    }
    const keys = await store.deleteKeys(now)
    if (sessions > 0 || keys > 0) events.emit('pruned', { sessions, keys })
    return sessions
  })
}

/** @returns how many sessions this call ended */
export async function revokeAll(engine: Engine, { lastSeenBefore, onProgress }: RevokeAll): Promise<number> {
  if (
    lastSeenBefore !== undefined &&
    !(lastSeenBefore instanceof Date && Number.isFinite(lastSeenBefore.getTime()))
  )
    throw new TypeError('`lastSeenBefore` takes a Date')
  const progress = guard('`onProgress`', onProgress ?? (() => {}))
  const { store, clock } = engine
  // Who signs in while this goes on is not meant.
  const before = { created: clock.now(), seen: lastSeenBefore?.getTime() ?? null }
  let total = 0
  let last: string | null = null
  do {
    const batch: Awaited<ReturnType<typeof store.endBatch>> = await store.endBatch(
      ending(engine, 'revoked', clock.now()),
      before,
      last,
      SCAN,
    )
    for (const { id, userId } of batch.ended) announceEnd(engine, id, userId, 'revoked')
    total += batch.ended.length
    last = batch.last
    progress(total)
  } while (last !== null)
  return total
}
