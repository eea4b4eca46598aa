import type { Connection, Row } from './connection.ts'
import type { Names } from './names.ts'
import { milliseconds } from './queries.ts'
import { isUndefinedTable } from './sqlstate.ts'

/** A migration that has been applied to the schema. */
export interface AppliedMigration {
  readonly id: number
  /** Whether a version of Pawl without this migration must refuse the schema. */
  readonly breaking: boolean
  readonly at: number
}

export const LEDGER: string = `select id, breaking, ${milliseconds('applied_at')} as applied_at from :migrations order by id`

export function toMigration(row: Row): AppliedMigration {
  return { id: row['id'] as number, breaking: row['breaking'] as boolean, at: row['applied_at'] as number }
}

/** The migrations recorded in the schema, in order; none when the schema does not exist. */
export async function appliedMigrations(
  connection: Pick<Connection, 'query'>,
  names: Names,
): Promise<AppliedMigration[]> {
  try {
    return (await connection.query(names.fill(LEDGER), [])).map(toMigration)
  } catch (error) {
    if (isUndefinedTable(error)) return []
    throw error
  }
}
