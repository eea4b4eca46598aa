import type { Database } from './database.ts'
import type { Thief } from './thief.ts'

/** What thieves got who copied all cookies of a bound session. */
export interface BoundTheftFigures {
  readonly planted: number
  /** Refreshes that a server answered with new tokens. */
  readonly refreshed: number
  /** Thieves who got a response after the copied access token had expired. */
  readonly outlived: number
  /** Seconds from the theft to the last request of a thief that was answered, at most. */
  readonly longestAccess: number
  /** Sessions that ended because of a thief. */
  readonly ended: number
}

/** Access tokens hold whole seconds, rounded up. */
const ROUNDING = 1000

/** @param accessTokenLifetime in ms of real time */
export async function judgeBoundThefts(
  database: Database,
  thieves: readonly Thief[],
  accessTokenLifetime: number,
): Promise<BoundTheftFigures> {
  const stays = thieves.map(({ lastAnswered, plantedAt }) => Math.max(0, lastAnswered - plantedAt))
  const [row] = await database.query<{ count: string }>(
    `select count(*) from pawl.sessions where end_reason in ('reuse', 'rollback', 'device') and id = any($1::uuid[])`,
    [thieves.map(({ sessionId }) => sessionId)],
  )
  return {
    planted: thieves.length,
    refreshed: thieves.reduce((sum, { refreshed }) => sum + refreshed, 0),
    outlived: stays.filter((stay) => stay > accessTokenLifetime + ROUNDING).length,
    longestAccess: Math.round(Math.max(0, ...stays) / 100) / 10,
    ended: Number(row!.count),
  }
}
