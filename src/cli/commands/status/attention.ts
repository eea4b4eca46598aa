import { count, percent } from '../../../portable/format.ts'
import type { StoreStatus } from '../../../postgres/index.ts'
import { layoutProblems } from './layout.ts'

/** A full queue makes NOTIFY fail for the whole PostgreSQL server. */
const MAX_QUEUE_USAGE = 0.5
/** Fewer dead rows do no harm, whatever their share. */
const MAX_DEAD_ROWS = 100_000

const OLDEST_TRANSACTION =
  'Look in `pg_stat_activity` for the connection with the oldest `xact_start`, and terminate it.'

const PART_NAMES: Readonly<Record<StoreStatus['unknown'][number]['part'], string>> = {
  standby: 'the server',
  layout: 'the layout',
  schema: 'the migrations',
  rights: 'the rights of the role',
  keys: 'the keys',
  sessions: 'the sessions',
  revocations: 'the revocations',
  table: 'the table',
  listeners: 'the listening processes',
  queueUsage: 'the NOTIFY queue',
}

/** What needs attention and what to do about it, in sentences. */
export function needsAttention(status: StoreStatus): string[] {
  const found = [
    missingMigrations(status),
    breakingMigrations(status),
    status.schema.missingRights,
    ...layoutProblems(status),
    failedParts(status),
    listenProblem(status),
    queueUsage(status),
    deadRows(status),
  ]
  return found.filter((sentence) => sentence !== null)
}

function missingMigrations({ schema, layout }: StoreStatus): string | null {
  const { name, applied, missing, unknown } = schema
  if (applied === null || missing === null || missing.length === 0) return null
  const where = layout?.isCoordinator === false ? ' with the URL of the coordinator' : ''
  return applied.length === 0 && unknown?.length === 0
    ? `There are no Pawl tables in schema ${name}. Run \`npx pawl migrate\`${where} to create them, or name another schema with --schema.`
    : `Migration ${missing.join(', ')} is missing. Run \`npx pawl migrate\`${where}.`
}

function breakingMigrations({ schema }: StoreStatus): string | null {
  const breaking = (schema.unknown ?? []).filter((migration) => migration.breaking).map(({ id }) => id)
  if (breaking.length === 0) return null
  return `The schema has migration ${breaking.join(', ')} from a later version of Pawl, and this version cannot work with it. Update \`pawl\`.`
}

/** A dead node or a lock makes several parts fail for the same reason. */
function failedParts({ unknown }: StoreStatus): string | null {
  const byWords = new Map<string, string[]>()
  for (const { part, why, words } of unknown)
    if (why === 'failed') byWords.set(words!, [...(byWords.get(words!) ?? []), PART_NAMES[part]])
  if (byWords.size === 0) return null
  const reasons = [...byWords].map(([words, parts]) => `${listed(parts)} (${words})`)
  return `Pawl could not read ${reasons.join('; ')}. Check that every node of the database runs, and look for locks in \`pg_stat_activity\`.`
}

/** `a, b and c` */
function listed(names: readonly string[]): string {
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function listenProblem({ notifications: { problem } }: StoreStatus): string | null {
  return problem === null ? null : `LISTEN does not work, so revocations arrive by polling. ${problem}`
}

function queueUsage({ notifications }: StoreStatus): string | null {
  const usage = notifications.queueUsage ?? 0
  if (usage <= MAX_QUEUE_USAGE) return null
  return `The server's NOTIFY queue is ${percent(usage)} full, because a listening connection stays in a transaction. ${OLDEST_TRANSACTION}`
}

function deadRows({ schema, table }: StoreStatus): string | null {
  const dead = table?.deadRows ?? 0
  if (dead <= MAX_DEAD_ROWS || dead <= (table?.liveRows ?? 0)) return null
  return `The table of sessions has more dead rows (${count(dead)}) than live ones, because autovacuum is too slow or an old transaction blocks it. Run \`vacuum ${schema.name}.sessions\`. ${OLDEST_TRANSACTION}`
}
