import { LAST_MOMENTS } from './last-moments.ts'

/** A session that its user lost. Times in seconds. */
export interface Loss {
  /** After the start of the load. */
  readonly at: number
  readonly operation: string
  /** The reason of a `SessionEndedError`, or the code of another error. `unknown`: there is no row. */
  readonly reason: string
  /** Between the answer to the login and the loss. */
  readonly age: number
  readonly sessionId: string
}

/** A login that a failover lost: its row is gone, and the login was answered shortly before an outage. */
export interface LostLogin extends Loss {
  /** Between the answer to the login and the start of the outage; 0 for a login during the outage. */
  readonly beforeOutage: number
}

/** A session that is active although its revocation was answered. */
export interface Revived {
  readonly sessionId: string
  /** When the revocation was answered, in seconds after the start of the load. */
  readonly revokedAt: number
  /** Between that answer and the start of the next outage, in seconds; `null` if none followed. */
  readonly beforeOutage: number | null
}

/** Percentiles in milliseconds; `null` if nothing was measured. */
export interface Latency {
  readonly p50: number | null
  readonly p99: number | null
  readonly max: number | null
}

export interface Recovery {
  readonly name: string
  /** When the hook started, in seconds after the start of the load. */
  readonly at: number
  /**
   * From the start of the hook until everything worked again: the end of the outage, in which calls fail or take longer
   * than a second. 0 if no outage followed, `null` if calls still failed at the end.
   */
  readonly seconds: number | null
  /** Why the hook itself failed. */
  readonly failed: string | null
}

export interface LoadReport {
  readonly seconds: number
  readonly processes: number
  /** Users of all processes. */
  readonly clients: number
  /** Answered logins. */
  readonly sessions: number
  /** Answered logouts. */
  readonly revoked: number
  /** Answered calls by operation. */
  readonly worked: Readonly<Record<string, number>>
  /** Users who had to sign in again for no reason of their own. */
  readonly honestLogouts: readonly Loss[]
  /** Logins that an asynchronous failover may lose. No guarantee covers them. */
  readonly loginsLost: readonly LostLogin[]
  /** Sessions that their user's list does not show, or that got no answer for a minute at the end. */
  readonly lost: readonly Loss[]
  readonly revived: readonly Revived[]
  /** Failed calls by kind. */
  readonly errors: Readonly<Record<string, number>>
  /** Events of all processes by name. */
  readonly events: Readonly<Record<string, number>>
  readonly refreshMs: Latency
  /** Until another process refused the access token of a revoked session. */
  readonly revocationMs: Latency
  /** How often a process still had not refused such a token at the end. */
  readonly revocationsUnseen: number
  /** Calls that reached for the database, in each second after the start. */
  readonly perSecond: readonly (readonly [ok: number, error: number])[]
  readonly recoveries: readonly Recovery[]
  /** Processes that exited on their own. */
  readonly crashed: number
  /** Whether the rows could be read at the end, to look for revived sessions. */
  readonly rowsRead: boolean
}

/** @returns a line for every guarantee that did not hold */
export function brokenGuarantees(report: LoadReport): string[] {
  const { honestLogouts, lost, revived, crashed, rowsRead, sessions } = report
  const guarantees: [held: boolean, failure: string][] = [
    [honestLogouts.length === 0, `${honestLogouts.length} honest logouts`],
    [lost.length === 0, `${lost.length} sessions lost`],
    [revived.length === 0, `${revived.length} sessions alive that had ended`],
    [crashed === 0, `${crashed} processes exited on their own`],
    [rowsRead, 'the rows could not be read at the end, so the run shows nothing about revoked sessions'],
    [sessions > 0, 'nobody could log in, so the run shows nothing'],
  ]
  return guarantees.filter(([held]) => !held).map(([, failure]) => failure)
}

/** The report as text. */
export function textOf(report: LoadReport): string {
  const { honestLogouts, loginsLost, lost, revived, recoveries, perSecond } = report
  const broken = brokenGuarantees(report)
  const lines = [
    `users: ${report.clients}, processes: ${report.processes}, sessions: ${report.sessions}, revoked: ${report.revoked}`,
    `worked: ${countsOf(report.worked)}`,
    `honest logouts: ${honestLogouts.length}`,
    ...examples(honestLogouts, lossText),
    `sessions lost: ${lost.length}`,
    ...examples(lost, lossText),
    `sessions alive that had ended: ${revived.length}`,
    ...examples(revived, revivedText),
    `logins lost with a failover (answered within ${LAST_MOMENTS / 1000} s before an outage, or in it): ${loginsLost.length}`,
    ...examples(loginsLost, lostLoginText),
    `failed calls: ${sumOf(report.errors)}`,
    ...Object.entries(report.errors).map(([kind, count]) => `  ${count} ${kind}`),
    `events: ${countsOf(report.events)}`,
    `refresh, ms: ${latencyText(report.refreshMs)}`,
    `until another process refuses a revoked session, ms: ${latencyText(report.revocationMs)}; not yet at the end: ${report.revocationsUnseen}`,
    `calls in each second, worked/failed: ${perSecond.map((counts) => counts.join('/')).join(' ')}`,
    ...recoveries.map(recoveryText),
    '',
    broken.length === 0 ? 'Every guarantee held.' : `Broken: ${broken.join('; ')}`,
  ]
  return lines.join('\n')
}

const MAX_EXAMPLES = 10

function examples<T>(found: readonly T[], text: (one: T) => string): string[] {
  const lines = found.slice(0, MAX_EXAMPLES).map((one) => `  ${text(one)}`)
  if (found.length > MAX_EXAMPLES) lines.push(`  and ${found.length - MAX_EXAMPLES} more`)
  return lines
}

function lossText({ at, operation, reason, age, sessionId }: Loss): string {
  return `${at.toFixed(1)} s: ${operation} of session ${sessionId}, ${age.toFixed(1)} s old: ${reason}`
}

function lostLoginText(loss: LostLogin): string {
  const { beforeOutage } = loss
  const when = beforeOutage > 0 ? `${beforeOutage.toFixed(1)} s before an outage` : 'during an outage'
  return `${lossText(loss)}; the login was answered ${when}`
}

function revivedText({ sessionId, revokedAt, beforeOutage }: Revived): string {
  const outage =
    beforeOutage === null ? 'with no outage after it' : `${beforeOutage.toFixed(1)} s before an outage`
  return `session ${sessionId}, revoked at ${revokedAt.toFixed(1)} s, ${outage}`
}

function recoveryText({ name, at, seconds, failed }: Recovery): string {
  const recovered =
    seconds === null ? 'not recovered by the end' : `everything worked again after ${seconds.toFixed(1)} s`
  return `[${at.toFixed(1)} s] ${name}: ${recovered}${failed === null ? '' : `. IT FAILED: ${failed}`}`
}

function latencyText({ p50, p99, max }: Latency): string {
  const text = (value: number | null): string => (value === null ? 'none' : value.toFixed(1))
  return `p50 ${text(p50)}, p99 ${text(p99)}, max ${text(max)}`
}

function countsOf(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts)
  return entries.length === 0 ? 'none' : entries.map(([name, count]) => `${name} ${count}`).join(', ')
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
