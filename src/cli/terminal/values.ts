import { isSessionId } from '../../portable/session-id.ts'
import { MAX_USER_ID_LENGTH } from '../../portable/user-id.ts'
import { notFound, UsageError } from './errors.ts'
import { quoted } from './text.ts'

const TIME = /^(\d{4})-(\d\d)-(\d\d)[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)$/i
/** How far the clock of this machine may be behind the clock that the time was read from, in ms. */
const CLOCK_DIFFERENCE = 60_000

/** Session ids are lower case. Other programs may print them in upper case. */
export function toSessionId(typed: string): string {
  return typed.trim().toLowerCase()
}

/** @throws Failure: a text that is not a UUID names no session */
export function parseSessionId(typed: string): string {
  const id = toSessionId(typed)
  if (!isSessionId(id))
    throw notFound(`${quoted(typed)} is not a session id. Session ids are UUIDs. A user id needs --user.`)
  return id
}

/** @throws UsageError */
export function parseUserId(typed: string): string {
  if (typed === '' || typed.length > MAX_USER_ID_LENGTH)
    throw new UsageError(`--user takes a user id of 1 to ${MAX_USER_ID_LENGTH} characters`)
  return typed
}

/** A time in the past. The time zone is required, because a guess could be hours off. @throws UsageError */
export function parsePastTime(option: string, typed: string): Date {
  const [, year, month, day] = TIME.exec(typed) ?? []
  const at = new Date(typed.replace(' ', 'T').toUpperCase())
  const lastDay = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
  if (year === undefined || Number.isNaN(at.getTime()) || Number(day) > lastDay) {
    throw new UsageError(
      `--${option} takes a time with its zone, such as 2026-11-23T20:54:55Z or 2026-11-23T21:54:55+01:00`,
    )
  }
  if (at.getTime() > Date.now() + CLOCK_DIFFERENCE)
    throw new UsageError(`--${option} takes a time in the past. To revoke all sessions, use --all.`)
  return at
}

/** @param typed nothing for any free port, which is 0. @throws UsageError */
export function parsePort(typed = '0'): number {
  if (!/^\d{1,5}$/.test(typed) || Number(typed) > 65_535)
    throw new UsageError(`--port takes a number from 0 to 65535, but got ${quoted(typed)}`)
  return Number(typed)
}
