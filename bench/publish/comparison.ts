import { type Figure, formatNumber } from '../harness/figures.ts'
import { COMPARED, USER_DAY } from '../servers/compared.ts'

/** A table as text. */
export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

const NOT_MEASURED = '–'
/** Of a day's traffic in its busiest hour. */
const BUSIEST_HOUR = 0.1
const SESSIONS_PER_USER = 3

/** Reads the figures of the suite `compare`. */
function readerOf(figures: readonly Figure[]): (id: string) => number | undefined {
  const values = new Map(figures.map(({ id, value }) => [id, value]))
  return (id) => values.get(`compare.${id}`)
}

export const isComparison = (figures: readonly Figure[]): boolean =>
  readerOf(figures)('pawl.day.app') !== undefined

/** One row for each library. */
export function comparisonTable(figures: readonly Figure[]): Table {
  const read = readerOf(figures)
  /** @param factor from the figure's unit to the table's */
  const cell = (ids: readonly string[], factor: number, unit: string): string => {
    const values = ids.map(read).filter((value) => value !== undefined)
    if (values.length === 0) return NOT_MEASURED
    const sum = values.reduce((total, value) => total + value, 0) * factor
    return `${formatNumber(sum < 0.005 ? 0 : sum)} ${unit}`
  }
  const cpu = (id: string, operation: string): string[] => [
    `${id}.${operation}.app`,
    `${id}.${operation}.database`,
  ]
  return {
    head: [
      '',
      'a logout takes effect',
      'a request',
      'a renewal',
      'a login',
      'processor time a day',
      'database statements a day',
      'write-ahead log a day',
      'cold start',
      'memory',
    ],
    rows: COMPARED.filter(({ id }) => read(`${id}.request.app`) !== undefined).map(
      ({ id, label, sessions }) => {
        const withoutDatabase = sessions?.database === undefined && !sessions?.requestsOnly
        return [
          label,
          sessions?.ends ?? '',
          cell(cpu(id, 'request'), 1, 'µs'),
          sessions?.database !== undefined && sessions.renewal === undefined
            ? 'each request'
            : cell(cpu(id, 'renewal'), 1, 'µs'),
          cell(cpu(id, 'login'), 1, 'µs'),
          // A microsecond for each of a million users is a second.
          cell(cpu(id, 'day'), 1 / 3600, 'h'),
          withoutDatabase ? 'none' : cell([`${id}.day.statements`], 1, 'M'),
          withoutDatabase || sessions?.database === 'Redis'
            ? 'none'
            : cell([`${id}.day.wal`], 1 / 1000, 'GB'),
          cell([`${id}.start`], 1, 'ms'),
          cell([`${id}.memory`], 1, 'MB'),
        ]
      },
    ),
  }
}

/** What sites of three sizes need for Pawl, computed from the costs of a user-day. */
export function sizingTable(figures: readonly Figure[]): Table {
  const read = readerOf(figures)
  const perDay = (id: string): number => read(`pawl.day.${id}`) ?? 0
  const inBusiestHour = (perUser: number, users: number): number => (perUser * users * BUSIEST_HOUR) / 3600
  // The suite `space` has rotated its sessions, as those of a site have been.
  const rotated = figures.find(({ id }) => id === 'space.browser.after-turns')
  const stored = rotated?.value ?? read('pawl.stored') ?? 0
  const renewals = COMPARED.find(({ id }) => id === 'pawl')!.sessions!.renewal!.perDay
  const rows: readonly [what: string, of: (users: number) => string][] = [
    ['protected requests', (users) => rate(inBusiestHour(USER_DAY.requests, users))],
    ['refreshes', (users) => rate(inBusiestHour(renewals, users))],
    ['logins', (users) => rate(inBusiestHour(USER_DAY.logins, users))],
    ['database statements', (users) => rate(inBusiestHour(perDay('statements'), users))],
    ['write-ahead log, without page images', (users) => bytes(inBusiestHour(perDay('wal'), users), '/s')],
    ['processor cores of the application', (users) => cores(inBusiestHour(perDay('app'), users))],
    ['processor cores of PostgreSQL', (users) => cores(inBusiestHour(perDay('database'), users))],
    [
      `table and indexes, ${SESSIONS_PER_USER} sessions a user`,
      (users) => bytes(stored * SESSIONS_PER_USER * users, ''),
    ],
  ]
  const sizes = [1e4, 1e6, 1e8]
  return {
    head: ['in the busiest hour', ...sizes.map((users) => `${users.toLocaleString('en-US')} daily users`)],
    rows: rows.map(([what, of]) => [what, ...sizes.map(of)]),
  }
}

/** @param time processor time per second, in µs */
const cores = (time: number): string => (time < 10_000 ? '< 0.01' : formatNumber(time / 1e6))
const rate = (perSecond: number): string => `${formatNumber(perSecond)}/s`

function bytes(value: number, per: string): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(value) / 3)))
  return `${formatNumber(value / 1000 ** power)} ${units[power]}${per}`
}
