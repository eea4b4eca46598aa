import { MAX_COMMIT_DELAY } from './revocations.ts'

const SECOND = 1000
const DAY = 86_400 * SECOND
/** A notification may be under way for this long. */
const ARRIVES_WITHIN = 5 * SECOND
/** The clocks of two processes differ by less, because both follow the database's. */
const CLOCK_DIFFERENCE = SECOND
/** Until LISTEN counts as complete again. Doubled with each change that nobody announced. */
const FIRST_PAUSE = 10 * 60 * SECOND
const MAX_PAUSE = 6 * 3600 * SECOND
/** Enough to judge by. */
const MAX_PENDING = 100
/** Seconds for which notifications are remembered. Older changes are not judged. */
const REMEMBERED = 120

/** Who sent a notification: a process, soon after its change, or perhaps a transaction, when it was committed. */
export type Sender = 'process' | 'unknown'

/**
 * Compares the changes that polls find with the notifications that arrived. A change that nobody announced shows that
 * LISTEN does not reach every process: a notification stays within its server, and the processes may be connected
 * to several. A process's message to itself proves only its own server. All times in milliseconds.
 */
export interface Announcements {
  /** Forgets what was found so far, because the notifications of it are lost or late. */
  restart(): void
  /** A notification of another process or of a transaction arrived. */
  heard(sender: Sender, now: number): void
  /** Changes so far may be of this process: one of its writes failed, but may have been committed. */
  excuse(now: number): void
  /** A poll found a change of another process. */
  found(changedAt: number, now: number): void
  /** Whether each change was announced, as far as is known. */
  isComplete(now: number): boolean
}

export function createAnnouncements(): Announcements {
  /** The seconds in which a process sent a notification. */
  const announced = new Set<number>()
  let unknownAt = Number.NEGATIVE_INFINITY
  let pending: { readonly changedAt: number; readonly foundAt: number }[] = []
  let missedAt = Number.NEGATIVE_INFINITY
  let pause = FIRST_PAUSE
  let heardSince = true

  function wasAnnounced(changedAt: number): boolean {
    const from = Math.floor((changedAt - CLOCK_DIFFERENCE) / SECOND)
    const to = Math.floor((changedAt + MAX_COMMIT_DELAY + CLOCK_DIFFERENCE) / SECOND)
    for (let second = from; second <= to; second++) if (announced.has(second)) return true
    // A transaction may be committed long after its change.
    return unknownAt >= changedAt - CLOCK_DIFFERENCE
  }

  function judge(now: number): void {
    const due = pending.filter(({ foundAt }) => now - foundAt >= ARRIVES_WITHIN)
    if (due.length === 0) return
    pending = pending.filter((change) => !due.includes(change))
    if (due.every(({ changedAt }) => wasAnnounced(changedAt))) return
    pause = now - missedAt > DAY ? FIRST_PAUSE : Math.min(2 * pause, MAX_PAUSE)
    missedAt = now
    heardSince = false
  }

  return {
    restart() {
      pending = []
    },
    heard(sender, now) {
      heardSince = true
      if (sender === 'unknown') unknownAt = now
      else {
        const second = Math.floor(now / SECOND)
        announced.add(second)
        // The oldest first. A clock that was set back leaves newer ones, so the number is bounded, too.
        for (const old of announced)
          if (old < second - REMEMBERED || announced.size > REMEMBERED) announced.delete(old)
      }
    },
    excuse(now) {
      unknownAt = now
    },
    found(changedAt, now) {
      const canJudge = changedAt >= now - (REMEMBERED - 20) * SECOND
      if (canJudge && pending.length < MAX_PENDING) pending.push({ changedAt, foundAt: now })
    },
    isComplete(now) {
      judge(now)
      return heardSince && now - missedAt >= pause
    },
  }
}
