const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `2026-11-23 20:54:55Z` */
export function time(at: Date): string {
  return at.toISOString().replace('T', ' ').replace(/\.\d+/, '')
}

/** `2026-11-23 20:54:55Z (3 h ago)` */
export function timeAgo(at: Date, now: Date): string {
  return `${time(at)} (${distance(at, now)})`
}

/** `3 h ago`, `in 10 min` */
export function distance(at: Date, now: Date): string {
  const ms = now.getTime() - at.getTime()
  return ms >= 0 ? `${duration(ms)} ago` : `in ${duration(-ms)}`
}

/** In the largest unit of which there are at least two. */
export function duration(ms: number): string {
  if (ms < 2 * MINUTE) return `${Math.floor(ms / SECOND)} s`
  if (ms < 2 * HOUR) return `${Math.floor(ms / MINUTE)} min`
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`
  return `${count(Math.floor(ms / DAY))} days`
}

/** `12,345` */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** `1 session`, `12,345 sessions` */
export function counted(value: number, one: string, many: string = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** `93 %`, of a share from 0 to 1 */
export function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`
}

/** `1.5 MB` */
export function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = size
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${value.toFixed(unit > 0 && value < 10 ? 1 : 0)} ${units[unit]}`
}
