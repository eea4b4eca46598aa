import { bytes, count, counted, percent, timeAgo } from '../../../portable/format.ts'
import type { SessionCounts, StoreStatus } from '../../../postgres/index.ts'
import type { ListedKey } from '../keys/listed-keys.ts'
import { layoutLine } from './layout.ts'

type Part = StoreStatus['unknown'][number]['part']

const NOT_AVAILABLE = 'not available'
/** Two default intervals without a new key, in ms. */
const ROTATION_OVERDUE = 2 * 86_400_000

/** The status as names and values. */
export function statusLines(
  status: StoreStatus,
  keys: readonly ListedKey[] | null,
): [string, string | null][] {
  const { at, server, layout, sessions, revocations, table, notifications } = status
  const missing = (part: Part, large: string): string => missingLine(status, part, large)
  const noSessions = missing('sessions', 'unknown: too many to count within 2 s (--exact counts)')
  return [
    ['server', `${server.version}, database ${server.database}${server.standby === true ? ', standby' : ''}`],
    ['schema', schemaLine(status)],
    ['layout', layout === null ? null : layoutLine(layout)],
    ['keys', keys === null ? missing('keys', '') : keyLine(keys, at)],
    ['sessions', sessions === null ? noSessions : sessionLine(sessions)],
    ['bound', sessions === null ? short(noSessions) : boundLine(sessions)],
    ['to prune', sessions === null ? short(noSessions) : pruneLine(sessions)],
    [
      'revocations',
      revocations === null
        ? missing('revocations', 'more than 1,000,000 in the last 20 minutes')
        : `${count(revocations)} in the last 20 minutes`,
    ],
    ['table', table?.bytes == null ? missing('table', '') : `${bytes(table.bytes)} with its indexes`],
    ['dead rows', deadRowLine(status)],
    ['HOT updates', hotLine(status)],
    ['feed', feedLine(notifications, layout !== null)],
  ]
}

/** @param large what to say of a part with too many rows to count */
function missingLine({ unknown }: StoreStatus, part: Part, large: string): string {
  const found = unknown.find((each) => each.part === part)
  if (found === undefined) return NOT_AVAILABLE
  return found.why === 'large' ? large : `unknown: ${found.words}`
}

/** For a line whose reason another line gives. */
function short(reason: string): string {
  return reason === NOT_AVAILABLE ? reason : 'unknown'
}

function schemaLine(status: StoreStatus): string {
  const { name, applied, missing, unknown } = status.schema
  if (applied === null || missing === null || unknown === null)
    return `${name}: ${status.unknown.some(({ part }) => part === 'schema') ? missingLine(status, 'schema', '') : 'not visible from here'}`
  return joined(
    `${name}: ${applied.length === 0 ? 'no migration' : `migration ${ids(applied)}`} applied`,
    missing.length === 0 ? 'up to date' : `${missing.join(', ')} missing`,
    unknown.length === 0 ? '' : `${ids(unknown)} from a later version`,
  )
}

function keyLine(keys: readonly ListedKey[], at: Date): string {
  const signing = keys.find(({ role }) => role === 'signs')
  if (signing === undefined) return 'none yet, or the application passes its own'
  const next = keys.findLast(({ role }) => role === 'next')
  return joined(
    `${count(keys.length)} stored`,
    `${signing.kid} (epoch ${signing.epoch}, ${signing.algorithm}) signs since ${timeAgo(signing.signsFrom, at)}`,
    next === undefined ? nextKeyDue(signing, at) : `${next.kid} signs from ${timeAgo(next.signsFrom, at)}`,
  )
}

function nextKeyDue({ signsFrom }: ListedKey, at: Date): string {
  return at.getTime() - signsFrom.getTime() > ROTATION_OVERDUE
    ? 'the next key is overdue, unless `keys.rotationInterval` is longer than a day'
    : 'the next key is not due yet'
}

function sessionLine({ exact, active, expired, ended }: SessionCounts): string {
  const numbers = `${count(active)} active, ${count(expired)} expired, ${count(ended)} ended and kept`
  return exact ? numbers : `about ${numbers} (estimates; --exact counts)`
}

function boundLine({ active, bound }: SessionCounts): string {
  const share = active === 0 ? '' : `, ${percent(bound / active)} of the active`
  return `${counted(bound, 'session')} to a device${share}`
}

function pruneLine({ exact, prunable }: SessionCounts): string {
  return `${exact ? '' : 'about '}${counted(prunable, 'row')}`
}

function deadRowLine(status: StoreStatus): string {
  const { table, at } = status
  if (table?.deadRows == null) return noStatistics(status)
  const vacuumed = table.vacuumedAt === null ? 'never vacuumed' : `vacuumed ${timeAgo(table.vacuumedAt, at)}`
  return joined(count(table.deadRows), vacuumed)
}

function hotLine(status: StoreStatus): string {
  const { table } = status
  if (table?.deadRows == null) return noStatistics(status)
  return table.hotUpdates === null ? 'no updates yet' : `${percent(table.hotUpdates)} of all updates`
}

/** PostgreSQL counts rows and updates only where it writes them. */
function noStatistics(status: StoreStatus): string {
  const { layout, server, table } = status
  if (table === null) return short(missingLine(status, 'table', ''))
  if (layout !== null && layout.tables.sessions.placement !== 'plain')
    return 'unknown: each node counts those of its shards'
  return server.standby === true ? 'unknown: the primary counts them' : NOT_AVAILABLE
}

function feedLine(
  { listeners, queueUsage, working }: StoreStatus['notifications'],
  isOneNode: boolean,
): string {
  const where = isOneNode ? ' to this node' : ''
  return joined(
    listeners === null
      ? NOT_AVAILABLE
      : `${counted(listeners, 'process listens', 'processes listen')}${where}`,
    queueUsage === null ? '' : `NOTIFY queue ${percent(queueUsage)} full`,
    working === false ? 'LISTEN does not work' : '',
  )
}

function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(', ')
}

function ids(migrations: readonly { readonly id: number }[]): string {
  return migrations.map(({ id }) => id).join(', ')
}
