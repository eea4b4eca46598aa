import { InvalidOptionsError, SchemaOutdatedError } from '../../portable/errors.ts'
import type { Connection, Row } from '../connection.ts'
import type { Names } from '../names.ts'
import { isUnsupported } from '../sqlstate.ts'
import { AUDIT_QUERIES } from './queries.ts'

/** Whether a store records in the audit table. Known once the store has started. */
export interface Audit {
  readonly isKept: boolean
  /** Rows older than this many milliseconds are deleted; `null`: this process deletes none. */
  readonly retention: number | null
  /**
   * Looks at the table at a start.
   * @param describeMissingRights says which rights on the table the role lacks
   * @throws SchemaOutdatedError for a table that cannot take every row
   * @throws InvalidOptionsError on Citus
   */
  start(
    connection: Connection,
    names: Names,
    isDistributed: boolean,
    describeMissingRights: () => Promise<string | null>,
  ): Promise<void>
}

interface AuditOptions {
  readonly audit: { readonly retention: number | null } | null
  readonly followAudit: boolean
  readonly readOnly: boolean
}

export function createAudit({ audit, followAudit, readOnly }: AuditOptions): Audit {
  let isKept = audit !== null
  return {
    get isKept() {
      return isKept
    },
    retention: audit?.retention ?? null,
    async start(connection, names, isDistributed, describeMissingRights) {
      const run: RunState = (name, values) => connection.query(AUDIT_QUERIES[name], values)
      if (audit === null) {
        isKept = followAudit && !isDistributed && (await hasAuditRows(run, names.audit))
        return
      }
      if (isDistributed)
        throw new InvalidOptionsError(
          'audit',
          'option `audit` is not for Citus, which cannot write a row of two tables in one statement. Leave it out, and record the events `created` and `ended` instead',
        )
      if (readOnly) return
      const state = await readState(run, names.audit)
      if (state === null) return
      if (state.lacks_default)
        throw new SchemaOutdatedError(
          `Table ${names.audit} at ${connection.target.where} is partitioned and has no default partition: without a partition for its time, a login would fail. Run: create table ${names.schema}.session_audit_default partition of ${names.audit} default;`,
        )
      if (!state.may_write)
        throw new SchemaOutdatedError(
          (await describeMissingRights()) ?? `The role may not write table ${names.audit}.`,
        )
    },
  }
}

type RunState = (name: 'auditState', values: [string]) => Promise<Row[]>

/**
 * Whether the table holds rows, or did. Needs no right on the table.
 * @param table the escaped name
 */
export async function hasAuditRows(run: RunState, table: string): Promise<boolean> {
  return (await readState(run, table))?.has_rows === true
}

interface State {
  readonly lacks_default: boolean
  readonly may_write: boolean
  readonly has_rows: boolean
}

/** @returns null without the table, and on an engine without the functions */
async function readState(run: RunState, table: string): Promise<State | null> {
  try {
    const [state] = await run('auditState', [table])
    return (state as unknown as State | undefined) ?? null
  } catch (error) {
    if (isUnsupported(error)) return null
    throw error
  }
}
