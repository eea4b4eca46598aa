import { reportBackgroundError } from '../observability/background-errors.ts'
import type { Events } from '../observability/events.ts'
import type { Ending, OwnEndReason, Store } from '../store.ts'
import type { Clock } from '../time/clock.ts'

const MINUTE = 60_000
/** The end of a session is written again if it was this recent, in ms: a minute, and one more to notice the loss. */
const REMEMBERED_FOR = 2 * MINUTE
/** Bounds the memory, and the work after a failover. */
const MAX_REMEMBERED = 10_000
const MAX_DUE = 20_000
const BATCH_SIZE = 500

/**
 * Ends sessions again whose end the database has lost, as a failover to an asynchronous replica may. An end is final,
 * so the row of a session that is known to have ended must not be active. Writes in the background.
 */
export interface LostEnds {
  /** Remembers an end that this process has committed, to repeat it if a connection is lost within a minute. */
  remember(sessionId: string, reason: OwnEndReason): void
  /** Repeats the end of a session that was met again; at most once a minute for each session. */
  repeat(sessionId: string, reason: OwnEndReason): void
  /** Repeats the remembered ends if a connection was lost since the last call, and what failed before. Never rejects. */
  tick(): Promise<void>
  /** Resolves when nothing is being written; `null` if nothing is. Never rejects. */
  settled(): Promise<void> | null
}

/** @param publish called with the sessions whose end the database had lost */
export function createLostEnds(
  store: Pick<Store, 'endAgain' | 'lostConnections' | 'readOnly'>,
  clock: Clock,
  events: Events,
  endingOf: (reason: OwnEndReason) => Ending,
  publish: (sessionIds: readonly string[], reason: OwnEndReason) => void,
): LostEnds {
  /** The oldest first. */
  const remembered = new Map<string, { readonly reason: OwnEndReason; readonly at: number }>()
  const due = new Map<string, OwnEndReason>()
  let minute = Number.NaN
  let repeated = new Set<string>()
  let lost = lostConnections()
  let failed = false
  let scheduled = false
  let writing: Promise<void> | null = null

  function lostConnections(): number {
    return store.lostConnections?.() ?? 0
  }

  function forgetOld(): void {
    const oldest = clock.now() - REMEMBERED_FOR
    for (const [id, { at }] of remembered) {
      if (at >= oldest && remembered.size <= MAX_REMEMBERED) return
      remembered.delete(id)
    }
  }

  function write(): Promise<void> {
    writing ??= writeDue().finally(() => {
      writing = null
    })
    return writing
  }

  /** Sessions that are met in one turn of the event loop share a statement. */
  function schedule(): void {
    if (scheduled) return
    scheduled = true
    setImmediate(() => void write())
  }

  async function writeDue(): Promise<void> {
    scheduled = false
    try {
      for (let batch = nextBatch(); batch !== null; batch = nextBatch()) {
        const { ids, reason } = batch
        const ended = await store.endAgain(ids, endingOf(reason))
        for (const id of ids) due.delete(id)
        if (ended.length > 0) publish(ended, reason)
      }
      failed = false
    } catch (error) {
      failed = true
      reportBackgroundError(events, 'end', error)
    }
  }

  /** Sorted by id, so that all processes lock rows in the same order. */
  function nextBatch(): { ids: string[]; reason: OwnEndReason } | null {
    const [first] = due.values()
    if (first === undefined) return null
    const ids: string[] = []
    for (const [id, reason] of due) {
      if (reason === first) ids.push(id)
      if (ids.length === BATCH_SIZE) break
    }
    return { ids: ids.sort(), reason: first }
  }

  return {
    remember(sessionId, reason) {
      remembered.delete(sessionId)
      remembered.set(sessionId, { reason, at: clock.now() })
      forgetOld()
    },
    repeat(sessionId, reason) {
      if (store.readOnly === true) return
      const now = Math.floor(clock.now() / MINUTE)
      if (now !== minute) {
        minute = now
        repeated = new Set()
      }
      if (repeated.has(sessionId) || repeated.size >= MAX_REMEMBERED || due.size >= MAX_DUE) return
      repeated.add(sessionId)
      due.set(sessionId, reason)
      // While the database is away, each further session would cost an attempt.
      if (!failed) schedule()
    },
    async tick() {
      forgetOld()
      const count = lostConnections()
      if (count !== lost) {
        lost = count
        for (const [id, { reason }] of remembered) if (due.size < MAX_DUE) due.set(id, reason)
      }
      if (due.size > 0) await write()
    },
    settled: () => (scheduled ? write() : writing),
  }
}
