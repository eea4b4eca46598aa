import { duration } from '../../portable/format.ts'

export { bytes, count, counted, duration, percent } from '../../portable/format.ts'

/** `2026-11-23 20:54:55Z` */
export function time(at: Date): string {
  return at.toISOString().replace('T', ' ').replace(/\.\d+/, '')
}

/** `2026-11-23 20:54:55Z (3 h ago)` */
export function timeAgo(at: Date, now: Date): string {
  return `${time(at)} (${distance(at, now)})`
}

function distance(at: Date, now: Date): string {
  const ms = now.getTime() - at.getTime()
  return ms >= 0 ? `${duration(ms)} ago` : `in ${duration(-ms)}`
}
