import type { Database } from './database.ts'
import { MANNERS, type Manner, type Thief } from './thief.ts'

export interface Distribution {
  readonly min: number
  readonly median: number
  readonly p90: number
  readonly max: number
}

export interface TheftFigures {
  readonly planted: number
  /** The session ended as `reuse`. */
  readonly found: number
  /** The owner signed out or in again before the detection. */
  readonly moot: number
  /** Neither of both: the thief still has access. */
  readonly missed: number
  /** The session ended, but the thief still gets responses. */
  readonly notLockedOut: number
  /** Seconds from the theft to the end of the session. */
  readonly livedSeconds: Distribution | null
  /** The same in access-token lifetimes of the owner. */
  readonly livedLifetimes: Distribution | null
  /** Generations from the theft to the end of the session. */
  readonly livedGenerations: Distribution | null
  readonly byManner: Record<Manner, MannerFigures>
}

export interface MannerFigures {
  readonly planted: number
  readonly missed: number
  readonly livedSeconds: Distribution | null
}

interface Ended {
  readonly id: string
  readonly generation: number
  readonly reason: string | null
  readonly lived: number | null
}

const QUERY = `select id, generation, end_reason as reason, extract(epoch from ended_at)::float8 * 1000 as ended
  from pawl.sessions where id = any($1::uuid[])`

/** The number of stolen sessions that are still active. */
export async function theftsOpen(database: Database, thieves: readonly Thief[]): Promise<number> {
  const rows = await database.query<{ reason: string | null }>(QUERY, [
    thieves.map(({ sessionId }) => sessionId),
  ])
  return rows.filter(({ reason }) => reason === null).length
}

/** @param toRealTime converts a time of the sessions' clock to real time */
export async function judgeThefts(
  database: Database,
  thieves: readonly Thief[],
  accessTokenLifetime: number,
  toRealTime: (time: number) => number,
): Promise<TheftFigures> {
  const rows = await database.query<{
    id: string
    generation: number
    reason: string | null
    ended: number | null
  }>(QUERY, [thieves.map(({ sessionId }) => sessionId)])
  const byId = new Map<string, Ended>(
    rows.map(({ id, generation, reason, ended }) => [id, { id, generation, reason, lived: ended }]),
  )
  const found: { manner: Manner; seconds: number; generations: number }[] = []
  let moot = 0
  const missed: Thief[] = []
  let notLockedOut = 0
  for (const thief of thieves) {
    const row = byId.get(thief.sessionId)
    if (row?.reason === 'reuse')
      found.push({
        manner: thief.manner,
        seconds: (toRealTime(row.lived!) - thief.plantedAt) / 1000,
        generations: row.generation - thief.generation,
      })
    else if (row?.reason === 'logout' || row?.reason === 'replaced') moot++
    else missed.push(thief)
    if (row?.reason != null && !(await thief.isLockedOut())) notLockedOut++
  }
  const seconds = (of: readonly { seconds: number }[]): number[] => of.map((theft) => theft.seconds)
  return {
    planted: thieves.length,
    found: found.length,
    moot,
    missed: missed.length,
    notLockedOut,
    livedSeconds: distribution(seconds(found)),
    livedLifetimes: distribution(seconds(found).map((value) => (value * 1000) / accessTokenLifetime)),
    livedGenerations: distribution(found.map(({ generations }) => generations)),
    byManner: Object.fromEntries(
      MANNERS.map((manner) => [
        manner,
        {
          planted: thieves.filter((thief) => thief.manner === manner).length,
          missed: missed.filter((thief) => thief.manner === manner).length,
          livedSeconds: distribution(seconds(found.filter((theft) => theft.manner === manner))),
        } satisfies MannerFigures,
      ]),
    ) as TheftFigures['byManner'],
  }
}

function distribution(values: readonly number[]): Distribution | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]! * 10) / 10
  return { min: at(0), median: at(0.5), p90: at(0.9), max: at(1) }
}
