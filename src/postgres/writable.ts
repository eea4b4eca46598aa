import { StoreUnavailableError } from '../portable/errors.ts'
import { printable } from '../portable/printable.ts'
import type { Connection, Row } from './connection.ts'
import { quoted } from './names.ts'
import { isUnsupported } from './sqlstate.ts'

const SETTING = 'default_transaction_read_only'

/** Every role may read these. `source` says who has set the value. */
export const SERVER_STATE: string = `select pg_is_in_recovery() as is_standby, setting = 'on' as is_read_only, source,
    current_user::text as role, current_database()::text as database
  from pg_catalog.pg_settings where name = '${SETTING}'`

const ONLY_READS = '`readOnly: true`, if this process only reads'

/**
 * Refuses a server that takes no writes, before the first write fails.
 * @throws StoreUnavailableError: after a failover the address may lead to the new primary
 */
export async function assertWritable(connection: Connection): Promise<void> {
  assertTakesWrites(await readState(connection), connection.target.where)
}

/** The same for a state that was read already. @throws StoreUnavailableError */
export function assertTakesWrites(state: Row | undefined, where: string): void {
  if (state?.['is_standby'] === true) {
    throw new StoreUnavailableError(
      `PostgreSQL at ${where} is a standby, which takes no writes. Connect to the primary, or set ${ONLY_READS}. During a failover, try again.`,
    )
  }
  if (state?.['is_read_only'] === true) {
    throw new StoreUnavailableError(
      `PostgreSQL at ${where} takes no writes from the role ${quotedName(state, 'role')}: \`${SETTING}\` is on. ` +
        `${remedyFor(state)} Or set ${ONLY_READS}.`,
    )
  }
}

function remedyFor(state: Row): string {
  const role = `role ${quotedName(state, 'role')}`
  const database = `database ${quotedName(state, 'database')}`
  const run = (statement: string): string => `Run: ${statement} reset ${SETTING};`
  switch (state['source']) {
    case 'user':
      return run(`alter ${role}`)
    case 'database':
      return run(`alter ${database}`)
    case 'database user':
      return run(`alter ${role} in ${database}`)
    case 'global':
      return run('alter role all')
    case 'client':
      return 'Remove it from `options` of the URL or the pool, and from PGOPTIONS.'
    case 'session':
      return 'A pooler has passed on a connection on which another client has set it.'
    default:
      return 'Turn it off in postgresql.conf. Some providers turn it on when the disk is full.'
  }
}

function quotedName(state: Row, name: string): string {
  return printable(quoted(String(state[name])))
}

async function readState(connection: Connection): Promise<Row | undefined> {
  try {
    const [state] = await connection.query(SERVER_STATE, [])
    return state
  } catch (error) {
    // An engine without standbys.
    if (isUnsupported(error)) return undefined
    throw error
  }
}
