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

/** A larger ratio is a leak, not noise of the garbage collector. */
const MAX_HEAP_RATIO = 1.5

/** @returns a line for every guarantee that did not hold */
export function brokenGuarantees({ storm, lostCommits, zeroRows }: Report): string[] {
  const guarantees: [held: boolean, failure: string][] = []
  if (storm !== null) {
    const { thefts, boundThefts, limited, processes, restore } = storm
    const floods = thefts.byManner.floods.planted > 0
    guarantees.push(
      [storm.honestLogouts === 0, `${storm.honestLogouts} honest logouts`],
      [storm.wronglyEnded === 0, `${storm.wronglyEnded} honest sessions ended as stolen`],
      [storm.sessionsLost === 0, `${storm.sessionsLost} sessions lost`],
      [thefts.missed === 0, `${thefts.missed} thefts not detected`],
      [thefts.notLockedOut === 0, `${thefts.notLockedOut} thieves not locked out`],
      [
        boundThefts.refreshed === 0,
        `${boundThefts.refreshed} refreshes of thieves of bound sessions answered`,
      ],
      [
        boundThefts.outlived === 0,
        `${boundThefts.outlived} thieves of bound sessions outlived their access token`,
      ],
      [boundThefts.ended === 0, `${boundThefts.ended} bound sessions ended by thieves`],
      [storm.bound.sessions > 0, 'no session was bound, so the run shows nothing about it'],
      [limited.honest === 0, `a limit put off ${limited.honest} refreshes of honest clients`],
      [!floods || limited.thieves > 0, 'no flood reached the limit, so the run shows nothing about it'],
      [processes.crashed === 0, `${processes.crashed} unexpected exits`],
      [processes.unhandled === 0, `${processes.unhandled} unhandled rejections`],
      [processes.failed === 0, `${processes.failed} requests failed with an unexpected error`],
      [storm.serverErrors === 0, `${storm.serverErrors} responses with status 500`],
      [
        storm.heapRatio === null || storm.heapRatio <= MAX_HEAP_RATIO,
        `the heap grew to ${storm.heapRatio} times its size`,
      ],
    )
    if (restore !== null) {
      guarantees.push(
        [restore.loggedOut === 0, `${restore.loggedOut} logouts of sessions that the restored copy has`],
        [restore.cameBack === 0, `${restore.cameBack} sessions work that the restored copy does not have`],
        [restore.unanswered === 0, `${restore.unanswered} sessions without a response after the restore`],
        [restore.wentOn > 0, 'no session works after the restore'],
      )
    }
  }
  if (lostCommits !== null) {
    guarantees.push(
      [lostCommits.rowsGoneBack > 0, 'no commit was lost, so the run shows nothing'],
      [lostCommits.loggedOut === 0, `${lostCommits.loggedOut} logouts after lost commits`],
    )
  }
  if (zeroRows !== null) {
    guarantees.push(
      [zeroRows.zeroRows > 0, 'every row was returned, so the run shows nothing'],
      [zeroRows.loggedOut === 0, `${zeroRows.loggedOut} logouts after missing rows`],
      [zeroRows.reused === 0, `${zeroRows.reused} theft verdicts after missing rows`],
    )
  }
  return guarantees.filter(([held]) => !held).map(([, failure]) => failure)
}

/** The report as text. */
export function textOf(report: Report, broken: readonly string[]): string {
  const { storm, lostCommits, zeroRows } = report
  const lines: string[] = []
  if (storm !== null) {
    const { thefts, bound, boundThefts, trouble, processes, restore } = storm
    const lived = thefts.livedSeconds
    lines.push(
      `requests ${storm.requests}, refreshes ${storm.refreshes}, unanswered ${storm.unanswered}, logins ${storm.logins}`,
      `verdicts ${countsOf(storm.verdicts)}; rows brought up to date ${storm.rolledBack}`,
      `PostgreSQL killed ${trouble.postgresKilled}, processes killed ${trouble.nodeKilled}, connections cut ${trouble.connectionsCut}, slowdowns ${trouble.slowdowns}`,
      `honest logouts: ${storm.honestLogouts}`,
      `sessions lost: ${storm.sessionsLost}`,
      `thefts planted: ${thefts.planted}, found ${thefts.found}, moot ${thefts.moot}, missed ${thefts.missed}`,
    )
    if (lived !== null)
      lines.push(
        `  lived for seconds: min ${lived.min}, median ${lived.median}, p90 ${lived.p90}, max ${lived.max}; access-token lifetimes: max ${thefts.livedLifetimes!.max}; turns: max ${thefts.livedGenerations!.max}`,
      )
    for (const [manner, { planted, missed }] of Object.entries(thefts.byManner))
      if (missed > 0) lines.push(`  missed of the manner '${manner}': ${missed} of ${planted}`)
    lines.push(
      `sessions bound: ${bound.sessions}; copies of all their cookies: ${boundThefts.planted}, which got answers for at most ${boundThefts.longestAccess} s; ${boundThefts.outlived} outlived the access token, ${boundThefts.refreshed} refreshed, ${boundThefts.ended} ended the session; refreshes without a proof ${bound.proofsMissing}`,
      `refreshes put off by a limit: of honest clients ${storm.limited.honest}, of thieves ${storm.limited.thieves}`,
      `unexpected exits: ${processes.crashed}, unhandled rejections: ${processes.unhandled}, heap ratio: ${storm.heapRatio}`,
    )
    if (restore !== null)
      lines.push(
        `restore: of ${restore.alive} sessions ${restore.wentOn} still work, ${restore.createdSince} were created after the copy and need a login, ${restore.loggedOut} need one although the copy has them; ${restore.undead} ended after the copy and are active again`,
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
  lines.push('', broken.length === 0 ? 'Every guarantee held.' : `Broken: ${broken.join('; ')}`)
  return lines.join('\n')
}

function countsOf(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}
