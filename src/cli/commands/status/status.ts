import type { PostgresStore, SessionCounts, StoreStatus } from '../../../postgres/index.ts'
import type { Command, Context } from '../../command.ts'
import { withStore } from '../../database.ts'
import { createProgress } from '../../terminal/progress.ts'
import { properties } from '../../terminal/table.ts'
import { count, several, timeAgo } from '../../terminal/text.ts'
import { type ListedKey, listKeys } from '../keys/listed-keys.ts'

const NOT_AVAILABLE = 'not available'
/** NOTIFY fails for everyone in the cluster once its queue is full. */
const QUEUE_FULL = 0.5
/** Fewer dead rows do no harm, whatever their share. */
const DEAD_ROWS = 100_000
/** Two default intervals of rotation without a new key. */
const OVERDUE = 2 * 86_400_000

export const status: Command = {
  name: 'status',
  usage: '',
  summary: 'Show schema, keys, sessions, revocations and the health of the table.',
  details: `Exits with 1 when something needs attention, and says what to do. Above a million sessions their number is
an estimate unless --exact is given. What the database does not offer is shown as "not available".`,
  most: 0,
  options: { exact: { help: 'Count the sessions however many there are.' } },
  connects: true,
  examples: ['npx pawl status', 'npx pawl status --exact', 'npx pawl status --json | jq .attention'],
  run: (context) => withStore(context, (store) => run(context, store)),
}

async function run({ flags, out, interrupted }: Context, store: PostgresStore): Promise<number> {
  const progress = createProgress('counted', out.json)
  const found = await store.status({ exact: flags.has('exact'), onProgress: progress.update })
  progress.end()
  interrupted.throwIfAborted()
  const keys = found.schema.missing.length > 0 ? null : await listKeys(store, found.at.getTime())
  const attention = attentionTo(found)
  out.result({ ok: attention.length === 0, attention, ...found, keys }, () =>
    [
      properties(lines(found, keys), out.width),
      attention.length === 0 ? 'Nothing needs attention.' : attention.map(out.prose).join('\n'),
    ].join('\n\n'),
  )
  return attention.length === 0 ? 0 : 1
}

/** What somebody has to do something about, in sentences. */
function attentionTo({ schema, table, notifications }: StoreStatus): string[] {
  const found: string[] = []
  if (schema.missing.length > 0) {
    found.push(
      schema.applied.length === 0 && schema.unknown.length === 0
        ? `There is no schema ${schema.name} with Pawl's tables: run \`npx pawl migrate\`, or give --schema.`
        : `Migration ${schema.missing.join(', ')} is missing: run \`npx pawl migrate\`.`,
    )
  }
  const breaking = schema.unknown.filter(({ breaking }) => breaking)
  if (breaking.length > 0) {
    found.push(
      `The schema has migration ${breaking.map(({ id }) => id).join(', ')} of a later version, which this one cannot work with: update \`pawl\`.`,
    )
  }
  const usage = notifications.queueUsage ?? 0
  if (usage > QUEUE_FULL) {
    found.push(
      `The queue of notifications is ${percent(usage)} full: some connection listens and stays in a transaction. Look for the oldest \`xact_start\` in \`pg_stat_activity\` and end that.`,
    )
  }
  const dead = table?.deadRows ?? 0
  if (dead > DEAD_ROWS && dead > (table?.liveRows ?? 0)) {
    found.push(
      `The table of sessions has more dead rows (${count(dead)}) than live ones: autovacuum does not keep up, or an old transaction holds it up. Run \`vacuum ${schema.name}.sessions\` and look for the oldest \`xact_start\` in \`pg_stat_activity\`.`,
    )
  }
  return found
}

function lines(found: StoreStatus, keys: readonly ListedKey[] | null): [string, string | null][] {
  const { at, server, schema, sessions, revocations, table, notifications } = found
  const { applied, missing, unknown } = schema
  return [
    [
      'server',
      `${server.version}, database ${server.database}${server.standby === true ? ', a standby' : ''}`,
    ],
    [
      'schema',
      [
        `${schema.name}: ${applied.length === 0 ? 'no migration' : `migration ${ids(applied)}`} applied`,
        missing.length === 0 ? 'up to date' : `${missing.join(', ')} missing`,
        unknown.length === 0 ? '' : `${ids(unknown)} of a later version`,
      ]
        .filter((part) => part !== '')
        .join(', '),
    ],
    ['keys', keys === null ? NOT_AVAILABLE : keyLine(keys, at)],
    ['sessions', sessions === null ? NOT_AVAILABLE : sessionLine(sessions)],
    ['to prune', sessions === null ? NOT_AVAILABLE : several(sessions.prunable, 'row')],
    [
      'revocations',
      revocations === null
        ? NOT_AVAILABLE
        : `${count(revocations)} in the last 20 minutes, remembered by every process`,
    ],
    ['table', table?.bytes == null ? NOT_AVAILABLE : `${bytes(table.bytes)} with its indexes`],
    [
      'dead tuples',
      table?.deadRows == null
        ? NOT_AVAILABLE
        : `${count(table.deadRows)}, ${table.vacuumedAt === null ? 'never vacuumed' : `vacuumed ${timeAgo(table.vacuumedAt, at)}`}`,
    ],
    [
      'updates in place',
      table === null
        ? NOT_AVAILABLE
        : table.hotUpdates === null
          ? 'no updates yet'
          : `${percent(table.hotUpdates)} (HOT)`,
    ],
    [
      'feed',
      [
        notifications.listeners === null
          ? NOT_AVAILABLE
          : several(notifications.listeners, 'process listens', 'processes listen'),
        notifications.queueUsage === null ? '' : `NOTIFY queue ${percent(notifications.queueUsage)} full`,
      ]
        .filter((part) => part !== '')
        .join(', '),
    ],
  ]
}

function keyLine(keys: readonly ListedKey[], at: Date): string {
  if (keys.length === 0) return 'none yet, or the application brings its own'
  const signing = keys.find(({ role }) => role === 'signs')!
  const next = keys.findLast(({ role }) => role === 'next')
  return [
    `${count(keys.length)} kept`,
    `${signing.kid} (epoch ${signing.epoch}, ${signing.algorithm}) signs since ${timeAgo(signing.signsFrom, at)}`,
    next === undefined
      ? at.getTime() - signing.signsFrom.getTime() > OVERDUE
        ? 'the next one is due, unless `keys.rotationInterval` is longer than a day'
        : 'the next one is not due yet'
      : `${next.kid} signs from ${timeAgo(next.signsFrom, at)}`,
  ].join(', ')
}

function sessionLine({ exact, active, expired, ended }: SessionCounts): string {
  const numbers = `${count(active)} active, ${count(expired)} expired, ${count(ended)} ended and kept`
  return exact ? numbers : `about ${numbers} (estimated; --exact counts)`
}

function ids(migrations: readonly { readonly id: number }[]): string {
  return migrations.map(({ id }) => id).join(', ')
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`
}

function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = size
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${value.toFixed(unit > 0 && value < 10 ? 1 : 0)} ${units[unit]}`
}
