import { createHash } from 'node:crypto'
import { StoreUnavailableError } from '../../portable/errors.ts'
import { encodeRevocations, MAX_REVOCATIONS, REVOCATION_WORDS } from '../../wire/revocations.ts'
import type { Engine } from '../engine.ts'
import { MAX_COMMIT_DELAY, type Revocations } from './revocations.ts'

const SECOND = 1000
/** A snapshot is reused for this long, however many services ask. */
const MIN_INTERVAL = SECOND
/** A long list is encoded less often, so that encoding takes at most this part of the time. */
const MAX_TIME_SHARE = 0.2
/** Older entries count as this old, in seconds. Longer than an entry is kept. */
const MAX_AGE = 100_000

/** The revocations that this process knows, for services that verify access tokens themselves. */
export interface RevocationSnapshot {
  readonly body: Buffer
  /** A hash of the body, so processes with the same revocations return the same. */
  readonly etag: string
}

/** @returns a function that throws StoreUnavailableError when the feed is stale */
export function createRevocationSnapshots({
  options,
  clock,
  revocations,
  feed,
}: Engine): () => RevocationSnapshot {
  const lifetime = Math.ceil(options.accessToken.lifetime / SECOND)
  let snapshot: RevocationSnapshot | null = null
  let takenAt = 0
  let interval = MIN_INTERVAL

  return () => {
    if (feed.staleness > options.revocation.maxStaleness)
      throw new StoreUnavailableError(
        'the revocation feed is stale: this process could not read revocations for longer than `revocation.maxStaleness`',
      )
    const now = clock.now()
    if (snapshot === null || Math.abs(now - takenAt) >= interval) {
      const startedAt = performance.now()
      const { refreshBefore, entries } = select(revocations, now)
      const rules = { lifetime, refreshBefore: Math.max(0, refreshBefore / SECOND) }
      const body = Buffer.from(encodeRevocations(rules, entries).buffer)
      const hash = createHash('sha256').update(body).digest('base64url').slice(0, 22)
      snapshot = { body, etag: `"${hash}"` }
      takenAt = now
      interval = Math.max(MIN_INTERVAL, (performance.now() - startedAt) / MAX_TIME_SHARE)
    }
    return snapshot
  }
}

interface Selection {
  /** Milliseconds. */
  readonly refreshBefore: number
  readonly entries: Int32Array
}

/** Takes the newest entries that fit. `refreshBefore` covers the others: older access tokens must be refreshed. */
function select(revocations: Revocations, now: number): Selection {
  const thisSecond = Math.floor(now / SECOND) * SECOND
  const omittedUntil = newestOmitted(revocations, thisSecond)
  const words = new Int32Array(Math.min(revocations.size, MAX_REVOCATIONS) * REVOCATION_WORDS)
  let length = 0
  revocations.forEach((high, low, value, time) => {
    if (time <= omittedUntil) return
    words[length++] = high
    words[length++] = low
    words[length++] = value
  })
  // Never in the future, or a token that was just refreshed would have to be refreshed again.
  const covered = Math.min(
    omittedUntil + SECOND + MAX_COMMIT_DELAY,
    Math.max(thisSecond, omittedUntil + SECOND),
  )
  return {
    refreshBefore: Math.max(revocations.refreshBefore, covered),
    entries: words.subarray(0, length),
  }
}

/** The newest second whose entries do not all fit; entries of one second are kept or omitted together. */
function newestOmitted(revocations: Revocations, thisSecond: number): number {
  if (revocations.size <= MAX_REVOCATIONS) return Number.NEGATIVE_INFINITY
  const countByAge = new Uint32Array(MAX_AGE + 1)
  revocations.forEach((_high, _low, _value, time) => {
    countByAge[Math.min(MAX_AGE, Math.max(0, (thisSecond - time) / SECOND))]!++
  })
  let age = 0
  for (let room = MAX_REVOCATIONS - countByAge[0]!; room >= 0; room -= countByAge[age]!) age++
  return thisSecond - age * SECOND
}
