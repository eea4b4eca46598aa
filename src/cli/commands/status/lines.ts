import type { SessionCounts, StoreStatus } from '../../../postgres/index.ts'
import { bytes, count, counted, percent, timeAgo } from '../../terminal/format.ts'
import type { ListedKey } from '../keys/listed-keys.ts'

const NOT_AVAILABLE = 'not available'
/** Two default intervals without a new key, in ms. */
const ROTATION_OVERDUE = 2 * 86_400_000

/** The status as names and values. */
export function statusLines(status: StoreStatus, keys: readonly ListedKey[] | null): [string, string][] {
  const { at, server, schema, sessions, revocations, table, notifications } = status
  return [
    ['server', `${server.version}, database ${server.database}${server.standby === true ? ', standby' : ''}`],
    ['schema', schemaLine(schema)],
    ['keys', keys === null ? NOT_AVAILABLE : keyLine(keys, at)],
    ['sessions', sessions === null ? NOT_AVAILABLE : sessionLine(sessions)],
    ['bound', sessions === null ? NOT_AVAILABLE : boundLine(sessions)],
    ['to prune', sessions === null ? NOT_AVAILABLE : counted(sessions.prunable, 'row')],
    ['revocations', revocations === null ? NOT_AVAILABLE : `${count(revocations)} in the last 20 minutes`],
    ['table', table?.bytes == null ? NOT_AVAILABLE : `${bytes(table.bytes)} with its indexes`],
    ['dead rows', deadRowLine(table, at)],
    ['HOT updates', hotLine(table)],
    ['feed', feedLine(notifications)],
  ]
}

function schemaLine({ name, applied, missing, unknown }: StoreStatus['schema']): string {
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

function deadRowLine(table: StoreStatus['table'], at: Date): string {
  if (table?.deadRows == null) return NOT_AVAILABLE
  const vacuumed = table.vacuumedAt === null ? 'never vacuumed' : `vacuumed ${timeAgo(table.vacuumedAt, at)}`
  return joined(count(table.deadRows), vacuumed)
}

function hotLine(table: StoreStatus['table']): string {
  if (table === null) return NOT_AVAILABLE
  return table.hotUpdates === null ? 'no updates yet' : `${percent(table.hotUpdates)} of all updates`
}

function feedLine({ listeners, queueUsage, working }: StoreStatus['notifications']): string {
  return joined(
    listeners === null ? NOT_AVAILABLE : counted(listeners, 'process listens', 'processes listen'),
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
