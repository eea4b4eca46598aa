import { percent } from '../../portable/format.ts'
import { newerRelease, RELEASE } from '../../portable/release.ts'
import type { StoreStatus } from '../store-status.ts'
import type { Finding } from './finding.ts'

/** A full queue makes NOTIFY fail for the whole PostgreSQL server. */
const MAX_QUEUE_USAGE = 0.5

/** @param problem why LISTEN does not work, in words that also say what to do */
export function listenProblem(problem: string | null): Finding | null {
  if (problem === null) return null
  return {
    id: /pooler/i.test(problem) ? 'listen-pooler' : 'listen-fails',
    severity: 'warning',
    sentence: 'LISTEN does not work, so revocations arrive by polling.',
    remedy: problem,
  }
}

export function queueUsage({ notifications }: StoreStatus): Finding | null {
  const usage = notifications.queueUsage ?? 0
  if (usage <= MAX_QUEUE_USAGE) return null
  return {
    id: 'notify-queue-full',
    severity: 'warning',
    sentence: `The server's NOTIFY queue is ${percent(usage)} full, because a listening connection stays in a transaction.`,
    remedy: 'Look in `pg_stat_activity` for the connection with the oldest `xact_start`, and terminate it.',
  }
}

export function oldReleases({ notifications }: StoreStatus): Finding | null {
  const releases = notifications.releases ?? []
  const newest = releases.reduce((found, { release }) => newerRelease(found, release), RELEASE)
  const old = releases.filter(({ release }) => release !== newest)
  if (old.length === 0) return null
  const named = old.map(
    ({ release, processes }) =>
      `${release ?? 'a release without a name'} (${processes === 1 ? '1 process' : `${processes} processes`})`,
  )
  return {
    id: 'releases-old',
    severity: 'note',
    sentence: `Processes run an older release of Pawl than ${newest}: ${named.join(', ')}.`,
    remedy: 'Two releases work together during a deployment. Update the rest afterwards.',
  }
}
