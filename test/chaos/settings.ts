import type { SessionsOptions } from '../../src/index.ts'

/** The secret of every process, used only in these tests. */
export const SECRET = 'ppVRCPbBnVl2hYbPDPLsH3uPZxJEz3cGKVxQn4pH5mo'

/** Settings of all processes. Durations in seconds of the sessions' clock. */
export interface Lifetimes {
  readonly overlap: number
  readonly gracePeriod: number
  readonly accessTokenLifetime: number
  /**
   * Speed of the sessions' clock relative to real time. 1 uses Pawl's own clock. Short runs need more, because
   * the fixed clock tolerance of 5 s limits the rate of turns.
   */
  readonly speed: number
  /** Start of a faster clock, in ms since the epoch. */
  readonly epoch: number
}

/**
 * Refreshes per minute, process and refresh token. No honest client reaches it: a token is replaced every few seconds.
 */
export const REFRESHES_PER_MINUTE = 20

/** Pawl looks for a missing row for one second, so half the overlap must be longer. */
export const REAL_TIME: Omit<Lifetimes, 'epoch'> = {
  overlap: 3,
  gracePeriod: 6,
  accessTokenLifetime: 4,
  speed: 1,
}

/** With a shorter overlap, half of it would be too short for a busy machine. */
export const FAST: Omit<Lifetimes, 'epoch'> = {
  overlap: 6,
  gracePeriod: 12,
  accessTokenLifetime: 4,
  speed: 4,
}

/** The timeout of a client in ms: half the overlap in real time. */
export function clientTimeout({ overlap, speed }: Lifetimes): number {
  return (overlap * 1000) / 2 / speed
}

export function fasterClock({ speed, epoch }: Lifetimes): () => number {
  return () => epoch + (Date.now() - epoch) * speed
}

/** Milliseconds of real time until the next minute of the sessions' clock, when the limit counts from 0 again. */
export function untilNextMinute(lifetimes: Lifetimes): number {
  return (60_000 - (fasterClock(lifetimes)() % 60_000)) / lifetimes.speed
}

export function lifetimeOptions({
  overlap,
  gracePeriod,
  accessTokenLifetime,
}: Omit<Lifetimes, 'speed' | 'epoch'>): Required<Pick<SessionsOptions, 'rotation' | 'accessToken'>> {
  return { rotation: { overlap, gracePeriod }, accessToken: { lifetime: accessTokenLifetime } }
}

export function sessionsOptions(lifetimes: Lifetimes): Omit<SessionsOptions, 'store'> {
  const { rotation, accessToken } = lifetimeOptions(lifetimes)
  return {
    secret: SECRET,
    rotation,
    // A small cache, so that it is full before the first measurement of the heap.
    accessToken: { ...accessToken, cacheBytes: 512 * 1024 },
    revocation: { pollInterval: 0.5 },
    deviceBinding: 'offer',
    limits: { refreshesPerMinute: REFRESHES_PER_MINUTE },
    ...(lifetimes.speed !== 1 && { now: fasterClock(lifetimes) }),
  }
}
