/**
 * An object that keeps work alive after the response: `ctx` of a Cloudflare Worker, `event` of Next.js middleware.
 * Other runtimes need none.
 */
export interface VerifyContext {
  /** Keeps the process running until the promise settles. */
  waitUntil(work: Promise<unknown>): void
}

/** A value from another server. Times in milliseconds. */
export interface Loaded<T> {
  readonly value: T
  /** When the server produced the value. */
  readonly takenAt: number
  /** Until then the value is not loaded again. */
  readonly freshUntil: number
  /** Until then the value may be used. */
  readonly usableUntil: number
}

/** A value that another server holds. It is loaded on demand and refreshed while it is used. */
export interface Remote<T> {
  /** The value loaded last, however old. */
  readonly latest: T | null
  /** Whether {@link latest} is recent enough to use. */
  readonly isUsable: boolean
  /** The error of the last load, or `null` when it succeeded. */
  readonly lastError: unknown
  /**
   * Loads an unusable value and waits for it. Refreshes a stale value in the background. Never rejects.
   * @param until the time to stop waiting; the load goes on
   */
  ready(context: VerifyContext | undefined, until: number): Promise<void>
  /** Loads a value even if it is fresh, but not twice within ten seconds. Waits like {@link ready}. Never rejects. */
  reload(context: VerifyContext | undefined, until: number): Promise<void>
}

/** Milliseconds between two loads. */
const LOAD_INTERVAL = 1000
/** Milliseconds between two loads that an unauthenticated token causes. */
const RELOAD_INTERVAL = 10_000
/** Milliseconds between two checks of a load that another request started. */
const CHECK_INTERVAL = 10
/** Milliseconds after the timeout at which a load counts as abandoned. */
const ABANDONED_AFTER = 500

/**
 * Requests share no promise, because a Cloudflare Worker ends the work of a request with the request and forbids
 * other requests to await it. Instead, each waiting request checks the shared state with a timer of its own.
 * @param load must fail after `timeout` milliseconds
 */
export function createRemote<T>(
  load: (latest: T | null) => Promise<Loaded<T>>,
  { now, timeout }: { readonly now: () => number; readonly timeout: number },
): Remote<T> {
  let loaded: Loaded<T> | null = null
  let lastError: unknown = null
  let startedLoads = 0
  /** The number of the load that produced `loaded`. */
  let loadedBy = 0
  let loading = false
  let startedAt = Number.NEGATIVE_INFINITY

  /** A clock that was set back must not prolong the life of a value. */
  const isBefore = (limit: 'freshUntil' | 'usableUntil'): boolean =>
    loaded !== null && now() > loaded.takenAt - LOAD_INTERVAL && now() < loaded[limit]
  /** Absolute, because the clock may have been set back. */
  const sinceStart = (): number => Math.abs(now() - startedAt)
  const isLoading = (): boolean => loading && sinceStart() < timeout + ABANDONED_AFTER
  const mayLoad = (interval: number): boolean => !isLoading() && sinceStart() >= interval

  async function runLoad(): Promise<void> {
    const number = ++startedLoads
    loading = true
    startedAt = now()
    try {
      const result = await load(loaded?.value ?? null)
      // An abandoned load must not replace the value of a later one.
      if (number < loadedBy) return
      loadedBy = number
      loaded = result
      lastError = isBefore('usableUntil') ? null : new Error('the response was too old on arrival')
    } catch (error) {
      if (number === startedLoads) lastError = error
    } finally {
      if (number === startedLoads) loading = false
    }
  }

  function startLoad(context: VerifyContext | undefined, until: number): Promise<void> {
    const work = runLoad()
    try {
      context?.waitUntil(work)
    } catch {
      // The runtime refuses more work after the response. This request still waits for the load itself.
    }
    return Promise.race([work, waitForLoad(until)])
  }

  /** Not shorter than `until`, so that a load which ends by then tells its error. */
  async function waitForLoad(until: number): Promise<void> {
    const awaited = startedLoads
    while (isLoading() && startedLoads === awaited && now() <= until)
      await new Promise((resolve) => setTimeout(resolve, CHECK_INTERVAL))
  }

  async function waitUntilUsable(context: VerifyContext | undefined, until: number): Promise<void> {
    // Two rounds, because the awaited load may be abandoned.
    for (let round = 0; round < 2 && !isBefore('usableUntil') && now() < until; round++) {
      if (mayLoad(LOAD_INTERVAL)) await startLoad(context, until)
      // After a failed load only the request that starts the next load waits for it.
      else if (isLoading() && lastError === null) await waitForLoad(until)
    }
  }

  return {
    get latest() {
      return loaded?.value ?? null
    },
    get isUsable() {
      return isBefore('usableUntil')
    },
    get lastError() {
      return lastError
    },
    async ready(context, until) {
      if (!isBefore('usableUntil')) await waitUntilUsable(context, until)
      else if (!isBefore('freshUntil') && mayLoad(LOAD_INTERVAL)) void startLoad(context, 0)
    },
    async reload(context, until) {
      if (isLoading()) await waitForLoad(until)
      else if (mayLoad(RELOAD_INTERVAL)) await startLoad(context, until)
    },
  }
}
