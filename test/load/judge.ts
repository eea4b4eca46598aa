import { LAST_MOMENTS } from './last-moments.ts'
import type { LoadReport, Loss, Revived } from './report.ts'
import type { Interval } from './timeline.ts'

/** A session that its user found lost. Times in milliseconds after the start of the load. */
export interface Finding {
  readonly sessionId: string
  readonly loggedInAt: number
  readonly at: number
  readonly operation: string
  /** `unknown`: Pawl has found no row, or the list of the user lacks it. */
  readonly reason: string
  /** Whether Pawl answered that the session has ended. Otherwise a list lacks it, or no answer came. */
  readonly ended: boolean
}

type Verdict = Pick<LoadReport, 'honestLogouts' | 'loginsLost' | 'lost'>

/** Sorts the findings. Each session counts once, and that it ended counts more than that a list lacks it. */
export function judgeLosses(findings: readonly Finding[], outages: readonly Interval[]): Verdict {
  const bySession = new Map<string, Finding>()
  for (const finding of findings) {
    const known = bySession.get(finding.sessionId)
    if (known === undefined || (finding.ended && !known.ended)) bySession.set(finding.sessionId, finding)
  }
  const verdict = {
    honestLogouts: [] as Loss[],
    loginsLost: [] as LoadReport['loginsLost'][number][],
    lost: [] as Loss[],
  }
  for (const finding of bySession.values()) {
    const { sessionId, at, loggedInAt, operation, reason, ended } = finding
    const loss = { at: at / 1000, operation, reason, age: (at - loggedInAt) / 1000, sessionId }
    const beforeOutage = reason === 'unknown' ? timeBeforeOutage(finding, outages) : null
    if (beforeOutage !== null) verdict.loginsLost.push({ ...loss, beforeOutage: beforeOutage / 1000 })
    else (ended ? verdict.honestLogouts : verdict.lost).push(loss)
  }
  return verdict
}

/** @returns null if no outage explains that the row is gone */
function timeBeforeOutage({ loggedInAt, at }: Finding, outages: readonly Interval[]): number | null {
  const outage = outages.find(
    ({ from, to }) => loggedInAt >= from - LAST_MOMENTS && loggedInAt <= to && from <= at,
  )
  return outage === undefined ? null : Math.max(0, outage.from - loggedInAt)
}

export interface Revocation {
  readonly sessionId: string
  /** When the answer came, in milliseconds after the start of the load. */
  readonly at: number
}

/** @param alive ids of sessions that are active in the database */
export function judgeRevoked(
  revoked: readonly Revocation[],
  alive: ReadonlySet<string>,
  outages: readonly Interval[],
): Revived[] {
  return revoked
    .filter(({ sessionId }) => alive.has(sessionId))
    .map(({ sessionId, at }) => {
      const next = outages.find(({ to }) => to >= at)
      const beforeOutage = next === undefined ? null : Math.max(0, next.from - at) / 1000
      return { sessionId, revokedAt: at / 1000, beforeOutage }
    })
}
