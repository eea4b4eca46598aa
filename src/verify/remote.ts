/**
 * What keeps work alive after the answer has been sent: the `ctx` of a Cloudflare Worker, the `event` of Next.js
 * middleware. Other runtimes need none.
 */
export interface VerifyContext {
  waitUntil(work: Promise<unknown>): void
}

/** Times in milliseconds. */
export interface Loaded<T> {
  readonly value: T
  /** When what it says was so. */
  readonly takenAt: number
  /** Until then nobody asks again. */
  readonly freshUntil: number
  /** Until then it may be relied on. */
  readonly usableUntil: number
}

/** Something another server knows, kept up to date while it is used. */
export interface Remote<T> {
  /** What was loaded last, however old. */
  readonly held: T | null
  readonly usable: boolean
  /** Why the last attempt came to nothing. */
  readonly failure: unknown
  /** Waits for what is too old to be used; what is merely not fresh is loaded in the background. Never rejects. */
  ready(context: VerifyContext | undefined): Promise<void> | undefined
  /** Loads it although it is fresh, unless that was done a moment ago. Never rejects. */
  reload(context: VerifyContext | undefined): Promise<void>
}

/** Between two attempts, in ms. */
const PAUSE = 1000
/** Between two that somebody unknown has asked for, in ms. */
const RELOAD_PAUSE = 10_000
/** Whoever waits for another's attempt looks this often, in ms. */
const LOOK_EVERY = 10
/** An attempt that is not over so long after its timeout never will be, in ms. */
const LATE = 500

/**
 * No promise is shared between requests: Cloudflare Workers end what a request has begun together with it, and
 * forbid the others to wait for it. Each looks whether the one that is at it has succeeded, by a timer of its own.
 * @param load gives up after `timeout` ms
 */
export function createRemote<T>(
  load: (held: T | null) => Promise<Loaded<T>>,
  { now, timeout }: { readonly now: () => number; readonly timeout: number },
): Remote<T> {
  let loaded: Loaded<T> | null = null
  let failure: unknown = null
  let attempts = 0
  /** The attempt that brought what is held. */
  let succeeded = 0
  let underWay = false
  let startedAt = Number.NEGATIVE_INFINITY

  /** A clock that was set back by more than nobody may ask again for makes nothing last longer. */
  const holdsUntil = (end: 'freshUntil' | 'usableUntil'): boolean =>
    loaded !== null && now() > loaded.takenAt - PAUSE && now() < loaded[end]
  /** A distance, for the same reason. */
  const sinceStart = (): number => Math.abs(now() - startedAt)
  const isUnderWay = (): boolean => underWay && sinceStart() < timeout + LATE
  const mayTry = (pause: number): boolean => !isUnderWay() && sinceStart() >= pause

  async function attempt(): Promise<void> {
    const mine = ++attempts
    underWay = true
    startedAt = now()
    try {
      const found = await load(loaded?.value ?? null)
      // One that was given up must not bring back what was before.
      if (mine < succeeded) return
      succeeded = mine
      loaded = found
      failure = holdsUntil('usableUntil') ? null : new Error('it was too old on arrival')
    } catch (error) {
      if (mine === attempts) failure = error
    } finally {
      if (mine === attempts) underWay = false
    }
  }

  function tryNow(context: VerifyContext | undefined): Promise<void> {
    const work = attempt()
    context?.waitUntil(work)
    return work
  }

  async function untilOver(): Promise<void> {
    const awaited = attempts
    while (isUnderWay() && attempts === awaited)
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY))
  }

  async function untilUsable(context: VerifyContext | undefined): Promise<void> {
    // Twice: whoever is waited for may be gone, and the attempt with it.
    for (let turn = 0; turn < 2 && !holdsUntil('usableUntil'); turn++) {
      if (mayTry(PAUSE)) await tryNow(context)
      // Once one has failed, nobody waits for the next but who makes it.
      else if (isUnderWay() && failure === null) await untilOver()
    }
  }

  return {
    get held() {
      return loaded?.value ?? null
    },
    get usable() {
      return holdsUntil('usableUntil')
    },
    get failure() {
      return failure
    },
    ready(context) {
      if (holdsUntil('freshUntil')) return undefined
      if (!holdsUntil('usableUntil')) return untilUsable(context)
      if (mayTry(PAUSE)) void tryNow(context)
      return undefined
    },
    async reload(context) {
      if (isUnderWay()) await untilOver()
      else if (mayTry(RELOAD_PAUSE)) await tryNow(context)
    },
  }
}
