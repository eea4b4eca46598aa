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
