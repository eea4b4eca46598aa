import { StoreUnavailableError } from '../../portable/errors.ts'
import { within } from '../../portable/within.ts'
import type { Sessions } from '../api.ts'
import { processWarnings } from '../observability/logger.ts'
import { COPY, madeSoFar } from './copies.ts'
import { outsideRequests } from './outside-requests.ts'
import type { Reloadable } from './reloads.ts'

/** A request waits at most this long for the start, in ms. `createSessions` gives up after 10 s. */
const LONGEST_WAIT = 15_000
/** After the first failure the next request tries again. Later pauses start at this length and double, in ms. */
const FIRST_PAUSE = 1000
const LONGEST_PAUSE = 8000

const REMEDY = 'restart the process after a correction; a function that makes the sessions is called again'

/** Sessions that are made once, when the first request needs them. */
export interface Starting<Claims extends object, Data> extends Reloadable {
  /** The sessions, or null before the first success. */
  readonly made: Sessions<Claims, Data> | null
  /** Concurrent callers share one attempt. @throws the error of the last attempt until a new one is due */
  get(): Promise<Sessions<Claims, Data>>
  readonly isClosed: boolean
  /** Closes the sessions if `make` has made them. They are not made again. */
  close(): Promise<void>
}

export interface StartingParts<Claims extends object, Data> {
  /** Makes the sessions, or waits for those that the application is making. */
  readonly make: () => Sessions<Claims, Data> | PromiseLike<Sessions<Claims, Data>>
  /** @throws TypeError for anything but sessions */
  readonly accept: (result: unknown) => Sessions<Claims, Data>
  /** What makes the sessions, for messages: `the function that expressSessions() got`. */
  readonly name: string
  /** Whether the sessions are under way already, and `make` cannot be called again after a failure. */
  readonly isPromise?: boolean
  readonly onMade?: () => void
}

export function createStarting<Claims extends object, Data>({
  make,
  accept,
  name,
  isPromise = false,
  onMade = () => {},
}: StartingParts<Claims, Data>): Starting<Claims, Data> {
  let made: Sessions<Claims, Data> | null = null
  let attempt: Promise<Sessions<Claims, Data>> | null = null
  let failure: { readonly error: unknown; readonly repeatAt: number } | null = null
  let pause = 0
  let isClosed = false
  let isOwn = false
  let isUsed = false

  async function run(): Promise<Sessions<Claims, Data>> {
    let result: unknown
    const before = madeSoFar()
    try {
      // In a later microtask, so that a synchronous failure does not come before `attempt` is assigned.
      result = await Promise.resolve().then(() => outsideRequests(make))
    } catch (error) {
      const repeatAt = isPromise ? Number.POSITIVE_INFINITY : performance.now() + pause
      pause = Math.min(pause * 2 || FIRST_PAUSE, LONGEST_PAUSE)
      throw fail(error, repeatAt)
    }
    try {
      made = accept(result)
    } catch (mistake) {
      // Not repeated: the function would make and lose sessions with every request.
      throw fail(mistake, Number.POSITIVE_INFINITY)
    }
    isOwn = made[COPY].number > before
    if (isClosed) {
      await closeMade()
      throw closedError()
    }
    onMade()
    return made
  }

  /** Closes what `make` has made, if anything. */
  async function closeMade(): Promise<void> {
    const sessions = made
    made = null
    if (isOwn) await sessions?.close()
  }

  function closedError(): TypeError {
    return new TypeError(`the sessions of ${name} are closed`)
  }

  function fail(error: unknown, repeatAt: number): unknown {
    failure = { error, repeatAt }
    report(error)
    return error
  }

  function report(error: unknown): void {
    const remedy = failure?.repeatAt === Number.POSITIVE_INFINITY ? REMEDY : 'a later request tries again'
    processWarnings.error(
      { event: 'startFailed', error },
      `${name} has made no sessions, requests are answered with 503: ${remedy}`,
    )
  }

  function tooLate(): never {
    const error = new StoreUnavailableError(`${name} has not settled within ${LONGEST_WAIT / 1000} s`)
    report(error)
    throw error
  }

  /** The attempt, but no longer than a request may wait. */
  function begin(): Promise<Sessions<Claims, Data>> {
    const work = run()
    const settled = (): void => {
      attempt = null
    }
    work.then(settled, settled)
    const bounded = within(LONGEST_WAIT, () => work, tooLate)
    // Nobody may be waiting for a promise that the application has passed.
    bounded.catch(() => {})
    return bounded
  }

  if (isPromise) attempt = begin()

  return {
    name,
    get made() {
      isUsed = true
      return made
    },
    get isClosed() {
      return isClosed
    },
    async get() {
      isUsed = true
      if (isClosed) throw closedError()
      if (made !== null) return made
      if (attempt === null && failure !== null && performance.now() < failure.repeatAt) {
        if (isPromise) report(failure.error)
        throw failure.error
      }
      attempt ??= begin()
      return attempt
    },
    peek: () => made,
    takeUse() {
      const wasUsed = isUsed
      isUsed = false
      return wasUsed
    },
    release: closeMade,
    async close() {
      isClosed = true
      // An attempt that takes longer closes its sessions itself.
      await attempt?.catch(() => {})
      await closeMade()
    },
  }
}
