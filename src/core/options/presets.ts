/** The timeouts of one assurance level, in seconds, to spread into the options of {@link createSessions}. */
export interface TimeoutPreset {
  /** The option `idleTimeout`, in seconds. */
  readonly idleTimeout: number
  /** The option `absoluteTimeout`, in seconds. */
  readonly absoluteTimeout: number
}

/**
 * The timeouts that NIST SP 800-63B-4 sets for its three assurance levels (sections 2.1.3, 2.2.3 and 2.3.3).
 *
 * @example
 * const sessions = await createSessions({ ...presets.aal2, store, secret })
 */
export const presets: {
  /** Both timeouts are 30 days. */
  readonly aal1: TimeoutPreset
  /** 24 hours at most, and 1 hour idle. */
  readonly aal2: TimeoutPreset
  /** 12 hours at most, and 15 minutes idle. */
  readonly aal3: TimeoutPreset
} = Object.freeze({
  aal1: Object.freeze({ idleTimeout: 30 * 86_400, absoluteTimeout: 30 * 86_400 }),
  aal2: Object.freeze({ idleTimeout: 3_600, absoluteTimeout: 86_400 }),
  aal3: Object.freeze({ idleTimeout: 900, absoluteTimeout: 43_200 }),
})
