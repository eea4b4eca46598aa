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
