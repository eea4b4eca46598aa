import { bytes, count, duration, percent } from '../../portable/format.ts'
import type { StoreStatus } from '../store-status.ts'
import type { Finding } from './finding.ts'
import { identifier } from './identifier.ts'

/** Fewer dead rows do no harm, whatever their share. */
const MAX_DEAD_ROWS = 100_000
/** A transaction of a request or of a migration takes less. Milliseconds. */
const MAX_TRANSACTION_AGE = 3_600_000
/** A slot or a standby has no time. So many transactions of others have begun since. */
const MAX_HORIZON_AGE = 10_000_000
/** A smaller table costs nothing. */
const MIN_BLOATED = 128 * 1024 * 1024
/** A table is this many times as large as its rows before it is called bloated. Pages that are half full are usual. */
const BLOAT = 4
/** Fewer updates say nothing. */
const MIN_UPDATES = 100_000
const MIN_HOT = 0.5

type Horizon = NonNullable<NonNullable<StoreStatus['vacuum']>['horizon']>

export function autovacuumOff({ schema, vacuum }: StoreStatus): Finding | null {
  if (vacuum?.enabled !== false) return null
  return {
    id: 'autovacuum-off',
    severity: 'warning',
    sentence: 'Autovacuum does not work on the table of sessions, so dead rows pile up.',
    remedy: `Run \`alter table ${tableOf(schema.name)} reset (autovacuum_enabled)\`, and set \`autovacuum\` and \`track_counts\` to \`on\`.`,
  }
}

export function autovacuumBehind(status: StoreStatus): Finding | null {
  const { schema, table, vacuum } = status
  const dead = table?.deadRows ?? 0
  const live = table?.liveRows ?? 0
  if (dead <= MAX_DEAD_ROWS) return null
  const isLate = vacuum?.enabled === true && !vacuum.running && dead > 2 * vacuum.threshold
  if (!isLate && dead <= live) return null
  return {
    id: 'autovacuum-behind',
    severity: 'warning',
    sentence:
      dead > live
        ? `The table of sessions has more dead rows (${count(dead)}) than live ones.`
        : `The table of sessions has ${count(dead)} dead rows, and autovacuum should have started at ${count(vacuum!.threshold)}.`,
    remedy:
      openTransaction(status) === null
        ? `Run \`vacuum ${tableOf(schema.name)}\`. If they come back, give autovacuum more workers, or a lower \`autovacuum_vacuum_cost_delay\`.`
        : `End the open transaction first, then run \`vacuum ${tableOf(schema.name)}\`.`,
  }
}

export function openTransaction({ at, vacuum }: StoreStatus): Finding | null {
  const horizon = vacuum?.horizon ?? null
  if (horizon === null) return null
  const age = horizon.since === null ? null : at.getTime() - horizon.since.getTime()
  if (age === null ? horizon.transactions <= MAX_HORIZON_AGE : age <= MAX_TRANSACTION_AGE) return null
  const since = age === null ? `${count(horizon.transactions)} transactions` : duration(age)
  return {
    id: 'transaction-open',
    severity: 'warning',
    sentence: `${holder(horizon)} has kept VACUUM from removing dead rows for ${since}.`,
    remedy: endHorizon(horizon),
  }
}

function holder({ kind, name, application }: Horizon): string {
  const of = application === '' ? '' : ` (${application})`
  switch (kind) {
    case 'transaction':
      return `The transaction of the connection with process id ${name}${of}`
    case 'prepared':
      return `The prepared transaction ${name}`
    case 'slot':
      return `The replication slot ${name}`
    case 'standby':
      return `A query on the standby ${name}${of}`
  }
}

function endHorizon({ kind, name }: Horizon): string {
  const text = `'${name.replaceAll("'", "''")}'`
  switch (kind) {
    case 'transaction':
      return `Find out what it does in \`pg_stat_activity\`, and end it: \`select pg_terminate_backend(${name})\`.`
    case 'prepared':
      return `If nothing will commit it, run \`rollback prepared ${text}\`.`
    case 'slot':
      return `If nothing reads it any more, run \`select pg_drop_replication_slot(${text})\`.`
    case 'standby':
      return 'End the query there, or set `hot_standby_feedback` to `off`.'
  }
}

export function bloatedTable({ schema, table, vacuum }: StoreStatus): Finding | null {
  if (vacuum === null || vacuum.rowBytes === null || vacuum.heapBytes < MIN_BLOATED) return null
  const needed = Math.max(table?.liveRows ?? 0, 1) * vacuum.rowBytes
  if (table?.liveRows == null || vacuum.heapBytes <= BLOAT * needed) return null
  return {
    id: 'table-bloated',
    severity: 'note',
    sentence: `The table of sessions takes ${bytes(vacuum.heapBytes)} for rows of ${bytes(needed)}.`,
    remedy: `New sessions reuse the space. To give it back, run \`vacuum full ${tableOf(schema.name)}\` at a quiet time, which locks the table, or \`pg_repack\`, which does not.`,
  }
}

export function fewHotUpdates({ schema, table }: StoreStatus): Finding | null {
  const hot = table?.hotUpdates ?? null
  if (hot === null || hot >= MIN_HOT || (table?.updates ?? 0) < MIN_UPDATES) return null
  return {
    id: 'hot-updates-few',
    severity: 'note',
    sentence: `Only ${percent(hot)} of the updates of sessions stay in their page, so each of the others writes to every index.`,
    remedy: `Drop indexes of your own on columns that a refresh changes, and run \`alter table ${tableOf(schema.name)} set (fillfactor = 90)\`. After a mass revocation this is normal.`,
  }
}

function tableOf(schema: string): string {
  return `${identifier(schema)}.sessions`
}
