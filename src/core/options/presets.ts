/** Timeouts of one assurance level, to spread into the options of `createSessions`. Seconds. */
export interface TimeoutPreset {
  readonly idleTimeout: number
  readonly absoluteTimeout: number
}

/**
 * The reauthentication limits of NIST SP 800-63B-4 (sections 2.1.3, 2.2.3 and 2.3.3).
 *
 * @example
 * const sessions = await createSessions({ ...presets.aal2, store, secret })
 */
export const presets: {
  /** 30 days, idle or not. */
  readonly aal1: TimeoutPreset
  /** 24 hours, or 1 hour idle. */
  readonly aal2: TimeoutPreset
  /** 12 hours, or 15 minutes idle. */
  readonly aal3: TimeoutPreset
} = Object.freeze({
  aal1: Object.freeze({ idleTimeout: 30 * 86_400, absoluteTimeout: 30 * 86_400 }),
  aal2: Object.freeze({ idleTimeout: 3_600, absoluteTimeout: 86_400 }),
  aal3: Object.freeze({ idleTimeout: 900, absoluteTimeout: 43_200 }),
})
