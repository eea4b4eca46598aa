import { InvalidOptionsError, StoreUnavailableError } from '../portable/errors.ts'
import type { Connection, Row } from './connection.ts'
import { HAS_CITUS } from './distribution.ts'
import { type AppliedMigration, LEDGER, toMigration } from './ledger.ts'
import type { Names } from './names.ts'
import { TABLE_NAMES, TABLES } from './preflight.ts'
import { milliseconds } from './queries.ts'
import { isForbidden } from './sqlstate.ts'
import { SERVER_STATE } from './writable.ts'

/** What a start reads of the server and of the schema. */
export interface StartState {
  readonly server: Row | undefined
  readonly tables: readonly Row[]
  readonly applied: readonly AppliedMigration[]
  /** The time of the database, in milliseconds. */
  readonly now: number
}

/** One column of text, because drivers differ in what they make of JSON. */
const STATE = `select cast(json_build_object(
    'has_citus', (select has_citus from (${HAS_CITUS}) c),
    'server', (select row_to_json(s) from (${SERVER_STATE}) s),
    'tables', (select json_agg(t) from (${TABLES}) t),
    'applied', (select json_agg(m) from (${LEDGER}) m),
    'now', ${milliseconds('clock_timestamp()')}) as text) as state`

interface Answer {
  readonly has_citus: boolean
  readonly server: Row | null
  readonly tables: readonly Row[] | null
  readonly applied: readonly Row[] | null
  readonly now: number
}

/**
 * Reads in one statement what the checks of a start otherwise read in five.
 * @returns null if they have to read it one by one: the schema is missing, the role may not read it, the engine lacks a
 * catalog, or it is Citus, which may run the statement on another node
 * @throws StoreUnavailableError when the database does not answer
 */
export async function readStartState(
  connection: Pick<Connection, 'query'>,
  names: Names,
  schema: string,
): Promise<StartState | null> {
  let rows: readonly Row[]
  try {
    rows = await connection.query(names.fill(STATE), [schema, [...TABLE_NAMES]])
  } catch (error) {
    if (error instanceof InvalidOptionsError) throw error
    if (error instanceof StoreUnavailableError && !isForbidden(error)) throw error
    return null
  }
  const text = rows[0]?.['state']
  if (typeof text !== 'string') return null
  const { has_citus, server, tables, applied, now }: Answer = JSON.parse(text)
  if (has_citus) return null
  return { server: server ?? undefined, tables: tables ?? [], applied: (applied ?? []).map(toMigration), now }
}
