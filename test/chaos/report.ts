import type { LostCommitsFigures } from './lost-commits.ts'
import type { StormFigures } from './storm.ts'
import type { ZeroRowsFigures } from './zero-rows-part.ts'

export interface Report {
  readonly seed: number
  readonly seconds: number
  readonly clients: number
  readonly storm: StormFigures | null
  readonly lostCommits: LostCommitsFigures | null
  readonly zeroRows: ZeroRowsFigures | null
}

/** More than this is no longer noise of the garbage collector. */
const MAX_HEAP_RATIO = 1.5

/** @returns a line for every promise that was not kept */
export function brokenPromises({ storm, lostCommits, zeroRows }: Report): string[] {
  const promises: [kept: boolean, broken: string][] = []
  if (storm !== null) {
    const { thefts, processes, restore } = storm
    promises.push(
      [storm.honestLogouts === 0, `${storm.honestLogouts} honest logouts`],
      [storm.wronglyEnded === 0, `${storm.wronglyEnded} sessions nobody stole ended as stolen`],
      [storm.sessionsLost === 0, `${storm.sessionsLost} sessions lost`],
      [thefts.missed === 0, `${thefts.missed} thefts not found`],
      [thefts.notLockedOut === 0, `${thefts.notLockedOut} thieves not locked out`],
      [processes.crashed === 0, `${processes.crashed} processes ended by themselves`],
      [processes.unhandled === 0, `${processes.unhandled} unhandled rejections`],
      [processes.failed === 0, `${processes.failed} requests failed with an unexpected error`],
      [storm.serverErrors === 0, `${storm.serverErrors} answers of 500`],
      [
        storm.heapRatio === null || storm.heapRatio <= MAX_HEAP_RATIO,
        `the heap grew to ${storm.heapRatio} times its size`,
      ],
    )
    if (restore !== null) {
      promises.push(
        [
          restore.loggedOut === 0,
          `${restore.loggedOut} sessions that the restored copy knew had to log in again`,
        ],
        [restore.cameBack === 0, `${restore.cameBack} sessions went on that the restored copy did not know`],
        [restore.unanswered === 0, `${restore.unanswered} sessions got no answer after the restore`],
        [restore.wentOn > 0, 'no session went on after the restore'],
      )
    }
  }
  if (lostCommits !== null) {
    promises.push(
      [lostCommits.rowsGoneBack > 0, 'no commit was lost, so nothing was shown'],
      [lostCommits.loggedOut === 0, `${lostCommits.loggedOut} logouts after lost commits`],
    )
  }
  if (zeroRows !== null) {
    promises.push(
      [zeroRows.zeroRows > 0, 'every row was seen, so nothing was shown'],
      [zeroRows.loggedOut === 0, `${zeroRows.loggedOut} logouts after missing rows`],
      [zeroRows.reused === 0, `${zeroRows.reused} theft verdicts after missing rows`],
    )
  }
  return promises.filter(([kept]) => !kept).map(([, broken]) => broken)
}

/** For people. */
export function textOf(report: Report, broken: readonly string[]): string {
  const { storm, lostCommits, zeroRows } = report
  const lines: string[] = []
  if (storm !== null) {
    const { thefts, trouble, processes, restore } = storm
    const lived = thefts.livedSeconds
    lines.push(
      `requests ${storm.requests}, refreshes ${storm.refreshes}, unanswered ${storm.unanswered}, logins ${storm.logins}`,
      `verdicts ${countsOf(storm.verdicts)}; rows caught up ${storm.rolledBack}`,
      `PostgreSQL killed ${trouble.postgresKilled}, processes killed ${trouble.nodeKilled}, connections cut ${trouble.connectionsCut}, slowdowns ${trouble.slowdowns}`,
      `honest logouts: ${storm.honestLogouts}`,
      `sessions lost: ${storm.sessionsLost}`,
      `thefts planted: ${thefts.planted}, found ${thefts.found}, moot ${thefts.moot}, missed ${thefts.missed}`,
    )
    if (lived !== null)
      lines.push(
        `  lived for seconds: min ${lived.min}, median ${lived.median}, p90 ${lived.p90}, max ${lived.max}; access-token lifetimes: max ${thefts.livedLifetimes!.max}; turns: max ${thefts.livedGenerations!.max}`,
      )
    lines.push(
      `processes ended by themselves: ${processes.crashed}, unhandled rejections: ${processes.unhandled}, heap ratio: ${storm.heapRatio}`,
    )
    if (restore !== null)
      lines.push(
        `restore: of ${restore.alive} sessions ${restore.wentOn} went on, ${restore.createdSince} were created since and had to log in again, ${restore.loggedOut} had to although the copy knew them; ${restore.undead} that had ended since are back`,
      )
    for (const { client, code, lines: events } of storm.stories)
      lines.push('', `${client}: ${code}`, ...events.map((event) => `  ${event}`))
    for (const text of processes.troubles) lines.push('', text)
  }
  if (lostCommits !== null)
    lines.push(
      `lost commits: ${lostCommits.kills} kills, ${lostCommits.rowsGoneBack} rows went back by ${lostCommits.turnsLost} of ${lostCommits.turns} turns, answered ${countsOf(lostCommits.verdicts)}; logged out: ${lostCommits.loggedOut}`,
    )
  if (zeroRows !== null)
    lines.push(
      `zero rows: ${zeroRows.zeroRows} in ${zeroRows.operations} operations (${countsOf(zeroRows.verdicts)}), try again ${zeroRows.tryAgain}, logged out: ${zeroRows.loggedOut}, theft verdicts: ${zeroRows.reused}`,
    )
  lines.push('', broken.length === 0 ? 'Every promise held.' : `Broken: ${broken.join('; ')}`)
  return lines.join('\n')
}

function countsOf(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}
