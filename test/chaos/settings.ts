import type { SessionsOptions } from '../../src/index.ts'

/** The secret of every process of a run; it protects nothing outside of it. */
export const SECRET = 'ppVRCPbBnVl2hYbPDPLsH3uPZxJEz3cGKVxQn4pH5mo'

/** What every process of a run agrees on. Durations in seconds of the sessions' clock. */
export interface Lifetimes {
  readonly overlap: number
  readonly gracePeriod: number
  readonly accessTokenLifetime: number
  /**
   * How much faster than the wall the sessions' clock runs. 1 leaves Pawl its own clock. More is for short
   * runs: the clock tolerance is 5 s whatever the other settings, so turns cannot come faster otherwise.
   */
  readonly speed: number
  /** Where a faster clock starts from, in ms. */
  readonly epoch: number
}

/** A row that is not there is looked for during a second: half the overlap has to be longer than that. */
export const REAL_TIME: Omit<Lifetimes, 'epoch'> = {
  overlap: 3,
  gracePeriod: 6,
  accessTokenLifetime: 4,
  speed: 1,
}

/** With less, half the overlap would be too short for a busy machine. */
export const FAST: Omit<Lifetimes, 'epoch'> = {
  overlap: 6,
  gracePeriod: 12,
  accessTokenLifetime: 4,
  speed: 4,
}

/** Half the overlap on the wall's clock: a client gives up here, and an answer that comes later is lost. */
export function answerWithin({ overlap, speed }: Lifetimes): number {
  return (overlap * 1000) / 2 / speed
}

export function fasterClock({ speed, epoch }: Lifetimes): () => number {
  return () => epoch + (Date.now() - epoch) * speed
}

export function sessionsOptions(lifetimes: Lifetimes): Omit<SessionsOptions, 'store'> {
  const { overlap, gracePeriod, accessTokenLifetime, speed } = lifetimes
  return {
    secret: SECRET,
    rotation: { overlap, gracePeriod },
    // The cache is full well before the storm looks at the memory of a process for the first time.
    accessToken: { lifetime: accessTokenLifetime, cacheBytes: 512 * 1024 },
    revocation: { pollInterval: 0.5 },
    // A storm has tabs that race for a minute, with turns every few seconds.
    limits: { refreshesPerMinute: null },
    ...(speed !== 1 && { now: fasterClock(lifetimes) }),
  }
}
