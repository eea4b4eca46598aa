import type { StoreStatus } from '../store-status.ts'
import { listenProblem, oldReleases, queueUsage } from './feed-checks.ts'
import type { Finding, Severity } from './finding.ts'
import { layoutProblems } from './layout-checks.ts'
import { differentSecret, wrongClock } from './process-checks.ts'
import type { ProcessFacts } from './process-facts.ts'
import { breakingMigrations, missingMigrations, missingRights, unreadableParts } from './schema-checks.ts'
import {
  autovacuumBehind,
  autovacuumOff,
  bloatedTable,
  fewHotUpdates,
  openTransaction,
} from './table-checks.ts'

const ORDER: readonly Severity[] = ['problem', 'warning', 'note']

/**
 * What needs attention, and what to do about it, the worst first.
 * @param status `null` if the database is away
 */
export function diagnose(status: StoreStatus | null, process: ProcessFacts): Finding[] {
  const found = [
    ...(status === null ? [] : ofDatabase(status)),
    differentSecret(process),
    listenProblem(status?.notifications.problem ?? process.listenProblem),
    wrongClock(process),
  ].filter((finding) => finding !== null)
  return ORDER.flatMap((severity) => found.filter((finding) => finding.severity === severity))
}

function ofDatabase(status: StoreStatus): (Finding | null)[] {
  return [
    missingMigrations(status),
    breakingMigrations(status),
    missingRights(status),
    ...layoutProblems(status),
    unreadableParts(status),
    queueUsage(status),
    autovacuumOff(status),
    openTransaction(status),
    autovacuumBehind(status),
    bloatedTable(status),
    fewHotUpdates(status),
    oldReleases(status),
  ]
}
