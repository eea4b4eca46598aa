import { within } from '../portable/within.ts'
import type { Engine } from './engine.ts'
import { reportThrown } from './observability/events.ts'
import { createDuties } from './operations/maintenance.ts'
import { outsideRequests } from './start/outside-requests.ts'
import { createAge } from './time/age.ts'
import { JUMP } from './time/clock.ts'
import { delay } from './time/delay.ts'
import type { Duty } from './time/repeat.ts'

/** Keeps a function alive until a promise settles, after its answer has been sent. */
export type WaitUntil = (promise: Promise<unknown>) => void

/**
 * Replaces the timers of a process that runs only while it answers requests (`serverless`). Each request waits at most
 * `revocation.catchUpTimeout` for either method.
 */
export interface OnDemand {
  /**
   * Before a request is decided: does what timers would have done by now. `null` if nothing is due, or if another
   * request has waited in vain for less than `revocation.pollInterval`. Never rejects.
   */
  catchUp(): Promise<void> | null
  /**
   * Before an answer ends: resolves when what its request proved and changed is written. `null` if there is nothing to
   * write, or if `waitUntil` has taken the work. Never rejects.
   * @param platform the `waitUntil` of this request, if the application has given none
   */
  settle(platform?: WaitUntil): Promise<void> | null
  /** Notifies the other processes with the next {@link settle}: a transaction of the application will have committed. */
  notifyLater(): void
  /** Resolves when there is nothing to write, however long it takes. Never rejects. */
  flush(): Promise<void>
  /** Resolves when the running work has finished. */
  stop(): Promise<void>
}

export function createOnDemand(engine: Omit<Engine, 'onDemand'>, waitUntil: WaitUntil | null): OnDemand {
  const { feed, confirmations, lostEnds } = engine
  const { mode, pollInterval, catchUpTimeout } = engine.options.revocation
  const poll: Duty = { interval: pollInterval, work: feed.tick }
  let stopped = false
  const duties = [...(mode === 'expiry' ? [] : [poll]), ...createDuties(engine, () => stopped)].map(
    (duty) => ({ ...duty, age: createAge() }),
  )
  let wallOffset = Date.now() - performance.now()
  let running: Promise<unknown> = Promise.resolve()
  let catchingUp: Promise<void> | null = null
  let notifiesLater = false

  function takeDue(): readonly Duty[] {
    const offset = Date.now() - performance.now()
    const jumped = Math.abs(offset - wallOffset) > JUMP
    wallOffset = offset
    const due = duties.filter(({ interval, age }) => jumped || age.milliseconds >= interval)
    // Also if the work fails: in an outage, one request in each interval waits.
    for (const { age } of due) age.restart()
    return due
  }

  async function perform(due: readonly Duty[]): Promise<void> {
    // Timers that were due run first: the pool closes connections that were idle for too long and may be dead.
    await delay(1)
    await Promise.all([...due.map(({ work }) => work()), confirmations.flush()])
  }

  /** A timer that outlives the work would fire in a later request. */
  function bounded(work: Promise<unknown>): Promise<void> {
    return within<unknown>(
      catchUpTimeout,
      () => work,
      () => {},
    ).then(() => {})
  }

  function sendNotifications(): void {
    if (!notifiesLater) return
    notifiesLater = false
    outsideRequests(feed.notifyPeers)
  }

  async function flush(): Promise<void> {
    sendNotifications()
    // Confirmations come first: they may end sessions, and other processes are notified of that.
    await confirmations.flush()
    await Promise.all([feed.settled(), lostEnds.settled()])
    await feed.settled()
  }

  return {
    catchUp() {
      if (catchingUp !== null) return catchingUp
      const due = stopped ? [] : takeDue()
      if (due.length === 0) return null
      // Several requests wait for the work, so it belongs to the context of none.
      const work = outsideRequests(() => perform(due))
      running = Promise.all([running, work]).then(() => {})
      if (catchUpTimeout === 0) return null
      catchingUp = bounded(work).finally(() => {
        catchingUp = null
      })
      return catchingUp
    },
    settle(platform) {
      sendNotifications()
      if (confirmations.isIdle && feed.settled() === null && lostEnds.settled() === null) return null
      const work = outsideRequests(flush)
      const handOver = waitUntil ?? platform
      if (handOver !== undefined) {
        try {
          handOver(work)
          return null
        } catch (error) {
          reportThrown('`serverless.waitUntil`', error)
        }
      }
      return catchUpTimeout === 0 ? null : bounded(work)
    },
    notifyLater() {
      notifiesLater = true
    },
    flush,
    async stop() {
      stopped = true
      await Promise.all([running, feed.settled(), lostEnds.settled()])
    },
  }
}
