import { reportBackgroundError } from '../observability/background-errors.ts'
import type { Events } from '../observability/events.ts'
import type { Telemetry } from '../observability/telemetry.ts'
import {
  decideEvidence,
  type Presented,
  type RotationSettings,
  type RotationState,
  type Verdict,
} from '../rotation/decision.ts'
import type { SessionRow, Store, Turn } from '../store.ts'
import type { Clock } from '../time/clock.ts'
import { createRecentSet } from './recent-set.ts'

/** At most one flush starts per this many milliseconds. */
const FLUSH_INTERVAL = 50
const BATCH_SIZE = 500
const MAX_QUEUED = 10_000
/** Recent evidence is not queued again when a process verifies the same token repeatedly. */
const MAX_RECENT = 10_000
const ATTEMPTS = 3

/** The client used an access token, so it has received the twin. */
export interface Evidence {
  readonly sessionId: string
  readonly twin: Presented
  /** The version of the row when the access token was issued. */
  readonly version: number
  /** When the request arrived. */
  readonly seenAt: number
  readonly ip: string | null
  readonly userAgent: string | null
}

/** Writes the turns that evidence proves. It does so in the background, so verification never waits for the database. */
export interface Confirmations {
  add(evidence: Evidence): void
  /** Resolves when all evidence added so far is in the database or was dropped. Never rejects. */
  flush(): Promise<void>
  /** Whether there is nothing to flush. */
  readonly isIdle: boolean
  /** Refuses further evidence and flushes. */
  close(): Promise<void>
  readonly size: number
}

export interface ConfirmationHooks {
  hasEnded(row: SessionRow): boolean
  createTurn(row: SessionRow, next: RotationState, evidence: Evidence): Turn
  /** Called after a turn was written. */
  publishTurn(row: SessionRow, turn: Turn): void
  /** Ends a session whose evidence was refused. @returns false when the row has changed and must be decided again */
  end(row: SessionRow, verdict: Verdict, evidence: Evidence): Promise<boolean>
}

/**
 * @param maxAge older evidence is dropped instead of applied, in ms
 * @param flushInterval at most one flush starts per this many milliseconds; 0 uses no timer
 */
export function createConfirmations(
  store: Pick<Store, 'readMany' | 'turnMany' | 'readOnly'>,
  clock: Clock,
  events: Events,
  settings: RotationSettings,
  maxAge: number,
  telemetry: Telemetry,
  hooks: ConfirmationHooks,
  flushInterval: number = FLUSH_INTERVAL,
): Confirmations {
  let queue = new Map<string, Evidence>()
  let flushing: Promise<void> | null = null
  let scheduled = false
  let closed = false
  let flushedAt = Number.NEGATIVE_INFINITY
  const recent = createRecentSet(MAX_RECENT)

  function reportDropped(count: number, reason: 'full' | 'late' | 'store'): void {
    if (count > 0) events.emit('confirmationsDropped', { count, reason })
  }

  function schedule(): void {
    if (scheduled || flushing !== null || queue.size === 0) return
    scheduled = true
    const start = (): void => {
      scheduled = false
      void flushBatch()
    }
    const wait = flushedAt + flushInterval - performance.now()
    if (wait > 0) setTimeout(start, wait).unref()
    else setImmediate(start).unref()
  }

  function flushBatch(): Promise<void> {
    flushing ??= writeBatch(takeBatch()).finally(() => {
      flushing = null
      flushedAt = performance.now()
      schedule()
    })
    return flushing
  }

  function takeBatch(): Evidence[] {
    const batch = [...queue.values()].slice(0, BATCH_SIZE)
    if (batch.length === queue.size) queue = new Map()
    else for (const evidence of batch) queue.delete(keyOf(evidence))
    return batch
  }

  async function writeBatch(batch: readonly Evidence[]): Promise<void> {
    if (batch.length === 0) return
    let undecided = bySession(batch)
    try {
      await telemetry.trace('confirm', async () => {
        for (let attempt = 1; undecided.size > 0 && attempt <= ATTEMPTS; attempt++)
          undecided = await apply(undecided)
      })
      reportDropped(undecided.size, 'store')
    } catch (error) {
      // A lost confirmation is harmless: the verdict of the next refresh is `successor` instead of `current`.
      reportDropped(batch.length, 'store')
      reportBackgroundError(events, 'confirm', error)
    }
  }

  /** @returns the evidence to decide again, because its row changed after it was read */
  async function apply(undecided: Map<string, Evidence[]>): Promise<Map<string, Evidence[]>> {
    const again = new Map<string, Evidence[]>()
    const turns = new Map<string, { readonly row: SessionRow; readonly turn: Turn }>()
    // Sorted by id, so that all processes lock rows in the same order.
    const rows = await store.readMany([...undecided.keys()].sort())
    const now = clock.now()
    let late = 0
    for (const row of rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
      if (hooks.hasEnded(row)) continue
      // Only a refresh with a proof turns a bound session. Otherwise a copied access token could.
      if (row.device !== null) continue
      // A token of another version may be of another lineage than the row: of the one before a renewal or, if the database
      // has lost the renewal, of the one after it.
      const evidence = undecided.get(row.id)!.filter(({ version }) => version === row.version)
      const inTime = evidence.filter(({ seenAt }) => now - seenAt <= maxAge)
      late += evidence.length - inTime.length
      const { refused, turn } = decideAll(row, inTime, now)
      if (refused !== null) {
        if (!(await hooks.end(row, refused.verdict, refused.evidence))) again.set(row.id, inTime)
      } else if (turn !== null) turns.set(row.id, { row, turn })
    }
    reportDropped(late, 'late')
    reportDropped(undecided.size - rows.length, 'store')
    const written = new Set(
      turns.size > 0 ? await store.turnMany([...turns.values()].map(({ turn }) => turn)) : [],
    )
    for (const [id, { row, turn }] of turns) {
      if (written.has(id)) hooks.publishTurn(row, turn)
      else again.set(id, undecided.get(id)!)
    }
    return again
  }

  /** Decides several pieces of evidence of one session, each on the state that the one before leads to. */
  function decideAll(
    row: SessionRow,
    evidence: readonly Evidence[],
    now: number,
  ): { refused: { verdict: Verdict; evidence: Evidence } | null; turn: Turn | null } {
    let state: RotationState = row
    let turn: Turn | null = null
    for (const piece of evidence) {
      const decision = decideEvidence(piece.twin, state, settings, now, piece.seenAt)
      if (decision === null) continue
      if (decision.next === undefined)
        return { refused: { verdict: decision.verdict, evidence: piece }, turn: null }
      state = decision.next
      turn = hooks.createTurn(row, state, piece)
    }
    return { refused: null, turn }
  }

  async function flush(): Promise<void> {
    // Bounded, because evidence may be added as fast as it is written.
    let batches = Math.ceil(MAX_QUEUED / BATCH_SIZE) + 1
    while (batches-- > 0 && (flushing !== null || queue.size > 0)) await flushBatch()
  }

  return {
    add(evidence) {
      if (closed || store.readOnly === true) return
      const key = keyOf(evidence)
      if (recent.has(key)) return
      if (queue.size >= MAX_QUEUED) return reportDropped(1, 'full')
      recent.add(key)
      queue.set(key, evidence)
      schedule()
    },
    flush,
    get isIdle() {
      return queue.size === 0 && flushing === null
    },
    async close() {
      closed = true
      await flush()
    },
    get size() {
      return queue.size
    },
  }
}

function keyOf({ sessionId, twin }: Evidence): string {
  return `${sessionId}/${Buffer.from(twin.fingerprint).toString('hex')}`
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
