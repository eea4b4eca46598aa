import { isSessionId } from '../../portable/session-id.ts'
import { MAX_USER_ID_LENGTH } from '../../portable/user-id.ts'
import { Failure, UsageError } from './errors.ts'
import { quoted } from './text.ts'

const TIME = /^(\d{4})-(\d\d)-(\d\d)[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)$/i
/** Clocks differ. */
const SOON = 60_000

/** Ids are written small; whoever copies one from elsewhere may have it otherwise. */
export function toSessionId(given: string): string {
  return given.trim().toLowerCase()
}

/** @throws Failure: what cannot be an id names no session */
export function sessionId(given: string): string {
  const id = toSessionId(given)
  if (!isSessionId(id)) throw notFound(`${quoted(given)} is not the id of a session, which is a UUID`)
  return id
}

export function notFound(what: string): Failure {
  return new Failure(`not found: ${what}`)
}

/** @throws UsageError */
export function userId(given: string): string {
  if (given === '' || given.length > MAX_USER_ID_LENGTH)
    throw new UsageError(`--user takes a user id of 1 to ${MAX_USER_ID_LENGTH} characters`)
  return given
}

/** A moment in the past, with its time zone: nobody should have to guess which one was meant. @throws UsageError */
export function pastTime(option: string, given: string): Date {
  const takes = `--${option} takes a time with its zone, such as 2026-11-23T20:54:55Z or 2026-11-23T21:54:55+01:00`
  const [, year, month, day] = TIME.exec(given) ?? []
  const at = new Date(given.replace(' ', 'T').toUpperCase())
  const lastDay = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
  if (year === undefined || Number.isNaN(at.getTime()) || Number(day) > lastDay) throw new UsageError(takes)
  if (at.getTime() > Date.now() + SOON)
    throw new UsageError(`--${option} takes a time in the past; for all sessions there is --all`)
  return at
}
