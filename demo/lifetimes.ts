import type { SessionsOptions } from '../src/index.ts'

/**
 * In seconds. Far shorter than in an application, so that the demo detects a theft in under a minute.
 * The protocol adds 5 s of clock tolerance to `overlap` and `gracePeriod`.
 */
export const LIFETIMES: Pick<
  SessionsOptions,
  'accessToken' | 'rotation' | 'revocation' | 'idleTimeout' | 'absoluteTimeout'
> = {
  accessToken: { lifetime: 15 },
  rotation: { overlap: 2, gracePeriod: 4 },
  revocation: { pollInterval: 1 },
  idleTimeout: 30 * 60,
  absoluteTimeout: 8 * 3600,
}

/** Over https. Chrome makes six signatures in nine minutes, and needs one for each new refresh token. */
export const HTTPS_LIFETIMES: typeof LIFETIMES = { ...LIFETIMES, accessToken: { lifetime: 120 } }
