const DAY = 24 * 3600 * 1000

/** Milliseconds since the epoch as a `timestamptz` in UTC. */
export function timestamp(ms: number): string
export function timestamp(ms: number | null): string | null
export function timestamp(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

/** The first day that begins at or after this time. */
export function firstDay(ms: number): string {
  return dayOf(Math.ceil(ms / DAY) * DAY)
}

/** The day of this time, in UTC. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().split('T', 1)[0]!
}

/** `2026-11-23 18:06:52.123456+01`, in any time zone. */
const TIMESTAMPTZ = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d)(?::?(\d\d))?(?::(\d\d))?$/

/**
 * Milliseconds since the epoch of a `timestamptz` that PostgreSQL printed.
 * @throws TypeError when the text is not in the ISO style
 */
export function parseTimestamp(text: string): number {
  const match = TIMESTAMPTZ.exec(text)
  if (match === null)
    throw new TypeError(
      'PostgreSQL sent a timestamp in an unknown style. Set DateStyle to ISO for the role or database.',
    )
  const [, day, time, hours, minutes = '00'] = match
  return Date.parse(`${day}T${time}${hours}:${minutes}`)
}
