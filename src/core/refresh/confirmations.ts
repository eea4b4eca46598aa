import type { Events } from '../observability/events.ts'
import type { Telemetry } from '../observability/telemetry.ts'
import {
  decideEvidence,
  type Presented,
  type RotationSettings,
  type RotationState,
  type Verdict,
} from '../protocol/rotation.ts'
import type { SessionRow, Store, Turn } from '../store.ts'
import type { Clock } from '../time/clock.ts'

/** At most one flush per this many milliseconds while the queue keeps filling. */
const PAUSE = 50
const BATCH = 500
const QUEUE = 10_000
/** What was confirmed lately is remembered, for processes that verify one token again and again. */
const REMEMBERED = 10_000
const ATTEMPTS = 3

/** An access token was used, so its twin reached the client. */
export interface Evidence {
  readonly sessionId: string
  readonly twin: Presented
  /** When the request with it arrived. */
  readonly seenAt: number
  readonly ip: string | null
  readonly userAgent: string | null
}

/** Confirms by use, in the background: verification itself never waits for the database. */
export interface Confirmations {
  add(evidence: Evidence): void
  /** Resolves when everything added so far is in the database, or was dropped. Never rejects. */
  flush(): Promise<void>
  /** Takes no more and flushes what is there. */
  close(): Promise<void>
  readonly size: number
}

export interface ConfirmationHooks {
  /** The write that puts a turn into the row. */
  turnOf(row: SessionRow, next: RotationState, evidence: Evidence): Turn
  /** A turn has been written. */
  turned(row: SessionRow, turn: Turn): void
  /** Ends a session whose evidence was refused. @returns false when the row has changed: decide again */
  end(row: SessionRow, verdict: Verdict, evidence: Evidence): Promise<boolean>
}

/** @param maxAge evidence older than this when it is applied is dropped, in ms */
export function createConfirmations(
  store: Pick<Store, 'readMany' | 'turnMany'>,
  clock: Clock,
  events: Events,
  settings: RotationSettings,
  maxAge: number,
  telemetry: Telemetry,
  hooks: ConfirmationHooks,
): Confirmations {
  let queue = new Map<string, Evidence>()
  let running: Promise<void> | null = null
  let scheduled = false
  let closed = false
  let flushedAt = Number.NEGATIVE_INFINITY
  let remembered = new Set<string>()
  let rememberedBefore = new Set<string>()

  const dropped = (count: number, reason: 'full' | 'late' | 'store'): void => {
    if (count > 0) events.emit('confirmationsDropped', { count, reason })
  }

  function remember(key: string): void {
    if (remembered.size >= REMEMBERED / 2) {
      rememberedBefore = remembered
      remembered = new Set()
    }
    remembered.add(key)
  }

  function schedule(): void {
    if (scheduled || running !== null || queue.size === 0) return
    scheduled = true
    const start = (): void => {
      scheduled = false
      void run()
    }
    const wait = flushedAt + PAUSE - performance.now()
    if (wait > 0) setTimeout(start, wait).unref()
    else setImmediate(start).unref()
  }

  function run(): Promise<void> {
    running ??= drain().finally(() => {
      running = null
      flushedAt = performance.now()
      schedule()
    })
    return running
  }

  async function drain(): Promise<void> {
    const batch = [...queue.values()].slice(0, BATCH)
    if (batch.length === queue.size) queue = new Map()
    else for (const evidence of batch) queue.delete(keyOf(evidence))
    if (batch.length === 0) return
    let open = bySession(batch)
    try {
      await telemetry.trace('confirm', async () => {
        for (let attempt = 1; open.size > 0 && attempt <= ATTEMPTS; attempt++) open = await apply(open)
      })
      dropped(open.size, 'store')
    } catch (error) {
      // Losing confirmations is harmless: the next refresh is `successor` instead of `current`.
      dropped(batch.length, 'store')
      events.emit('storeUnavailable', { operation: 'confirm', error })
    }
  }

  /** @returns what has to be decided again because the row moved in between */
  async function apply(open: Map<string, Evidence[]>): Promise<Map<string, Evidence[]>> {
    const again = new Map<string, Evidence[]>()
    const turns = new Map<string, { readonly row: SessionRow; readonly turn: Turn }>()
    // Sorted by id, so that two processes lock rows in one order.
    const rows = (await store.readMany([...open.keys()].sort())).toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const now = clock.now()
    let late = 0
    for (const row of rows) {
      if (row.endedAt !== null) continue
      const evidence = open.get(row.id)!
      const fresh = evidence.filter(({ seenAt }) => now - seenAt <= maxAge)
      late += evidence.length - fresh.length
      const { refused, turn } = fold(row, fresh, now)
      if (refused !== null) {
        if (!(await hooks.end(row, refused.verdict, refused.evidence))) again.set(row.id, fresh)
      } else if (turn !== null) turns.set(row.id, { row, turn })
    }
    dropped(late, 'late')
    const written = new Set(
      turns.size > 0 ? await store.turnMany([...turns.values()].map(({ turn }) => turn)) : [],
    )
    for (const [id, { row, turn }] of turns) {
      if (written.has(id)) hooks.turned(row, turn)
      else again.set(id, open.get(id)!)
    }
    return again
  }

  /** What several pieces of evidence about one session come to. */
  function fold(
    row: SessionRow,
    evidence: readonly Evidence[],
    now: number,
  ): { refused: { verdict: Verdict; evidence: Evidence } | null; turn: Turn | null } {
    let state: RotationState = row
    let turn: Turn | null = null
    for (const piece of evidence) {
      const decision = decideEvidence(piece.twin, state, settings, now)
      if (decision === null) continue
      if (decision.next === undefined)
        return { refused: { verdict: decision.verdict, evidence: piece }, turn: null }
      state = decision.next
      turn = hooks.turnOf(row, state, piece)
    }
    return { refused: null, turn }
  }

  async function flush(): Promise<void> {
    for (
      let rounds = Math.ceil(QUEUE / BATCH) + 1;
      rounds > 0 && (running !== null || queue.size > 0);
      rounds--
    ) {
      await run()
    }
  }

  return {
    add(evidence) {
      if (closed) return
      const key = keyOf(evidence)
      if (remembered.has(key) || rememberedBefore.has(key)) return
      if (queue.size >= QUEUE) return dropped(1, 'full')
      remember(key)
      queue.set(key, evidence)
      schedule()
    },
    flush,
    async close() {
      closed = true
      await flush()
    },
    get size() {
      return queue.size
    },
  }
}

function keyOf(evidence: Evidence): string {
  return `${evidence.sessionId}/${Buffer.from(evidence.twin.fingerprint).toString('latin1')}`
}

function bySession(batch: readonly Evidence[]): Map<string, Evidence[]> {
  const grouped = new Map<string, Evidence[]>()
  for (const evidence of batch) {
    const group = grouped.get(evidence.sessionId)
    if (group === undefined) grouped.set(evidence.sessionId, [evidence])
    else group.push(evidence)
  }
  return grouped
}
