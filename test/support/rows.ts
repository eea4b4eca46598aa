import { createHash } from 'node:crypto'
import type { Ending, Expected, ListPage, Renewal, SessionRow, Turn } from '../../src/core/store.ts'
import { newSessionId } from '../../src/portable/session-id.ts'

export const NOON: number = Date.UTC(2030, 0, 1, 12)
export const HOUR = 3_600_000
export const DAY: number = 24 * HOUR
/** Due dates are stored as days, so every store returns a midnight unchanged. */
export const MIDNIGHT: number = Date.UTC(2030, 0, 1)

/** The page of `listByUser` that holds every session of a test. */
export const ALL: ListPage = { activeAt: null, after: null, limit: 1000 }

export const print = (name: string): Buffer => createHash('sha256').update(name).digest().subarray(0, 16)

/** The row of a session after its login. */
export function sampleRow(fields: Partial<SessionRow> = {}): SessionRow {
  return {
    id: newSessionId('v7', NOON),
    userId: 'user',
    generation: 0,
    current: print('login'),
    previous: null,
    turnedAt: NOON,
    switchedAt: null,
    anchorHash: print('anchor'),
    renewals: [],
    reuseSince: null,
    version: 0,
    createdAt: NOON,
    authTime: NOON,
    expiresAt: NOON + 30 * DAY,
    absoluteExpiresAt: NOON + 365 * DAY,
    idleTimeout: null,
    persistent: true,
    claims: {},
    data: null,
    dataVersion: 0,
    ip: null,
    userAgent: null,
    actor: null,
    parentId: null,
    device: null,
    endedAt: null,
    endReason: null,
    pruneAt: MIDNIGHT + 60 * DAY,
    ...fields,
  }
}

/** A pending renewal at noon. */
export function sampleRenewal(anchor: string, fields: Partial<Renewal> = {}): Renewal {
  return {
    anchorHash: print(anchor),
    at: NOON,
    reauthenticated: true,
    authTime: NOON,
    absoluteExpiresAt: null,
    claims: null,
    ...fields,
  }
}

export function expected({ id, generation, current }: SessionRow): Expected {
  return { id, generation, current }
}

/** The turn of `row` to its child `name`, an hour after noon. */
export function turnTo(row: SessionRow, name: string, fields: Partial<Turn> = {}): Turn {
  const at = NOON + HOUR
  return {
    expected: expected(row),
    next: {
      generation: row.generation + 1,
      current: print(name),
      previous: row.current,
      turnedAt: at,
      switchedAt: null,
    },
    expiresAt: at + 30 * DAY,
    pruneAt: MIDNIGHT + 61 * DAY,
    ip: null,
    userAgent: null,
    ...fields,
  }
}

export function endingAt(at: number, fields: Partial<Ending> = {}): Ending {
  return { reason: 'revoked', at, pruneAt: MIDNIGHT + 7 * DAY, ...fields }
}
