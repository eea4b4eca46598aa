import type { SessionsOptions } from '../src/index.ts'

/**
 * In seconds. Far shorter than in an application, so that the demo detects a theft in under a minute.
 * The protocol adds 5 s of clock tolerance to `overlap` and `lateWindow`.
 */
export const LIFETIMES: Pick<
  SessionsOptions,
  'accessTokenLifetime' | 'overlap' | 'lateWindow' | 'pollInterval' | 'idleTimeout' | 'absoluteTimeout'
> = {
  accessTokenLifetime: 15,
  overlap: 2,
  lateWindow: 4,
  pollInterval: 1,
  idleTimeout: 30 * 60,
  absoluteTimeout: 8 * 3600,
}
