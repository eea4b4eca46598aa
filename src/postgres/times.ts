const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Days that were written lately: most are today and the few on which sessions expire. */
const MOST_DAYS = 64
const days = new Map<number, string>()
const TWO_DIGITS = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, '0'))

/**
 * Milliseconds since the epoch as PostgreSQL reads them. A login writes five times: the driver takes ten times as
 * long for a `Date`, and `toISOString` a microsecond, this 0.4.
 */
export function timestamp(ms: number): string
export function timestamp(ms: number | null): string | null
export function timestamp(ms: number | null): string | null {
  if (ms === null) return null
  const day = Math.floor(ms / DAY)
  const ofDay = Math.floor(ms - day * DAY)
  const hours = TWO_DIGITS[Math.floor(ofDay / HOUR)]
  const minutes = TWO_DIGITS[Math.floor(ofDay / MINUTE) % 60]
  const seconds = TWO_DIGITS[Math.floor(ofDay / SECOND) % 60]
  return `${dayText(day)}T${hours}:${minutes}:${seconds}.${String(ofDay % SECOND).padStart(3, '0')}Z`
}

/** The first day that begins at or after this time. */
export function firstDay(ms: number): string {
  return dayText(Math.ceil(ms / DAY))
}

/** The day of this time. */
export function dayOf(ms: number): string {
  return dayText(Math.floor(ms / DAY))
}

function dayText(day: number): string {
  let text = days.get(day)
  if (text === undefined) {
    if (days.size === MOST_DAYS) days.clear()
    text = new Date(day * DAY).toISOString().split('T', 1)[0]!
    days.set(day, text)
  }
  return text
}

/** In a time zone of whole hours. Whatever else there is takes three times as long. */
const USUAL = /^[1-9]\d{3}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d$/
const ANY = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d)(?::?(\d\d))?(?::(\d\d))?$/

/**
 * Milliseconds since the epoch of a time as PostgreSQL shows it: `2026-11-23 18:06:52.123456+01`. A refresh reads five
 * of them and its turn as many again.
 * @throws TypeError when it is no time in the style of ISO
 */
export function parseTimestamp(text: string): number {
  if (!USUAL.test(text)) return parseUnusual(text)
  const zone = text.length - 3
  const hoursAhead = (text.charCodeAt(zone) === MINUS ? -1 : 1) * twoDigits(text, zone + 1)
  let ms = 0
  for (let at = 20, worth = 100; at < zone && worth >= 1; at++, worth /= 10)
    ms += (text.charCodeAt(at) - ZERO) * worth
  return Date.UTC(
    100 * twoDigits(text, 0) + twoDigits(text, 2),
    twoDigits(text, 5) - 1,
    twoDigits(text, 8),
    twoDigits(text, 11) - hoursAhead,
    twoDigits(text, 14),
    twoDigits(text, 17),
    ms,
  )
}

function parseUnusual(text: string): number {
  const match = ANY.exec(text)
  if (match === null)
    throw new TypeError('PostgreSQL answered a timestamp in an unknown style; Pawl needs DateStyle ISO')
  const [, day, time, hours, minutes = '00'] = match
  return Date.parse(`${day}T${time}${hours}:${minutes}`)
}

const [MINUS, ZERO] = [0x2d, 0x30]
const twoDigits = (text: string, at: number): number =>
  10 * (text.charCodeAt(at) - ZERO) + text.charCodeAt(at + 1) - ZERO
