import { createHash } from 'node:crypto'
import { StoreUnavailableError } from '../../portable/errors.ts'
import { encodeRevocations, MAX_REVOCATIONS, REVOCATION_WORDS } from '../../wire/revocations.ts'
import type { Engine } from '../engine.ts'
import { type Revocations, WRITE } from './revocations.ts'

const SECOND = 1000
/** However many ask, a new one is taken at most so often, */
const EVERY = SECOND
/** and with a very long list less often: taking it may need this part of the time. */
const SHARE = 0.2
/** In seconds: longer than any access token lives and is remembered. */
const OLDEST = 100_000

/** What this process knows of revocations, for services that verify access tokens themselves. */
export interface RevocationSnapshot {
  readonly body: Buffer
  /** The same in every process that knows the same. */
  readonly etag: string
}

/** The function it returns @throws StoreUnavailableError when this process has not heard of revocations for too long */
export function createRevocationSnapshots({
  options,
  clock,
  revocations,
  feed,
}: Engine): () => RevocationSnapshot {
  const lifetime = Math.ceil(options.accessToken.lifetime / SECOND)
  let taken: RevocationSnapshot | null = null
  let takenAt = 0
  let every = EVERY

  return () => {
    if (feed.staleness > options.revocation.maxStaleness)
      throw new StoreUnavailableError('what other processes revoked has not been heard of for too long')
    const now = clock.now()
    if (taken === null || Math.abs(now - takenAt) >= every) {
      const startedAt = performance.now()
      const { refreshBefore, entries } = select(revocations, now)
      const rules = { lifetime, refreshBefore: Math.max(0, refreshBefore / SECOND) }
      const body = Buffer.from(encodeRevocations(rules, entries).buffer)
      const hash = createHash('sha256').update(body).digest('base64url').slice(0, 22)
      taken = { body, etag: `"${hash}"` }
      takenAt = now
      every = Math.max(EVERY, (performance.now() - startedAt) / SHARE)
    }
    return taken
  }
}

interface Selection {
  /** Milliseconds. */
  readonly refreshBefore: number
  readonly entries: Int32Array
}

/** The newest there is room for. What is left out is covered by asking more of everybody, and less of nobody. */
function select(revocations: Revocations, now: number): Selection {
  const thisSecond = Math.floor(now / SECOND) * SECOND
  const leftOut = newestLeftOut(revocations, thisSecond)
  const words = new Int32Array(Math.min(revocations.size, MAX_REVOCATIONS) * REVOCATION_WORDS)
  let length = 0
  revocations.each((high, low, value, time) => {
    if (time <= leftOut) return
    words[length++] = high
    words[length++] = low
    words[length++] = value
  })
  // Never later than now, or what has just been refreshed would have to be refreshed again.
  const covered = Math.min(leftOut + SECOND + WRITE, Math.max(thisSecond, leftOut + SECOND))
  return {
    refreshBefore: Math.max(revocations.refreshBefore, covered),
    entries: words.subarray(0, length),
  }
}

/** A second is left out as a whole. */
function newestLeftOut(revocations: Revocations, thisSecond: number): number {
  if (revocations.size <= MAX_REVOCATIONS) return Number.NEGATIVE_INFINITY
  const counts = new Uint32Array(OLDEST + 1)
  revocations.each((_high, _low, _value, time) => {
    counts[Math.min(OLDEST, Math.max(0, (thisSecond - time) / SECOND))]!++
  })
  let age = 0
  for (let room = MAX_REVOCATIONS - counts[0]!; room >= 0; room -= counts[age]!) age++
  return thisSecond - age * SECOND
}
