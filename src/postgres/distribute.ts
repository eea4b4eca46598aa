import { SchemaOutdatedError } from '../portable/errors.ts'
import { printable } from '../portable/printable.ts'
import type { Connection } from './connection.ts'
import { type Distribution, readDistribution } from './distribution.ts'
import type { Names } from './names.ts'

/** A day in milliseconds. The rows move to their shards in one statement. */
const MOVE_WITHIN = 86_400_000

/** Starts a group of its own: another table's shards must not decide where sessions are moved or split. */
const DISTRIBUTE = `select create_distributed_table($1::regclass, 'id', colocate_with => 'none')`
const ADD_LOCAL = 'select citus_add_local_table_to_metadata($1::regclass)'
/** The rows from before stay on the coordinator, where no statement sees or deletes them. */
const TRUNCATE = 'select truncate_local_data_after_distributing_table($1::regclass)'
const LOCAL_BYTES = 'select pg_relation_size($1::regclass) as bytes'

const UNCHANGED = 'Pawl has changed nothing.'

/** Begins every statement here that needs the owner of the tables. */
export const DISTRIBUTES: RegExp =
  /^select (?:create_distributed_table|citus_add_local_table_to_metadata|truncate_local_data_after_distributing_table)\(/

const KEYS = { sessions: 'sessions', signing_keys: 'signingKeys', migrations: 'migrations' } as const

/** The result of {@link PostgresStore.distribute}. */
export interface DistributedTables {
  /** The ids of the migrations that this call applied. */
  readonly applied: readonly number[]
  /** The names of the tables that this call has distributed or made visible to the workers. */
  readonly distributed: readonly string[]
}

/**
 * Distributes `sessions` by its id over the nodes of Citus, and makes the other tables visible to the workers. Safe to
 * repeat. The other tables stay on the coordinator, so that a key rotation needs no other node.
 * @param migrate creates the tables
 * @throws SchemaOutdatedError on a server that is no coordinator, and for another layout of `sessions`
 */
export async function distribute(
  connection: Connection,
  names: Names,
  migrate: () => Promise<number[]>,
): Promise<DistributedTables> {
  const refused = refusal(await readDistribution(connection, names), names, connection.target.where)
  if (refused !== null) throw new SchemaOutdatedError(printable(refused))
  const applied = await migrate()
  const found = await readDistribution(connection, names)
  const distributed: string[] = []

  async function layOut(name: keyof typeof KEYS, table: string, text: string): Promise<void> {
    const isDone = ({ tables }: Distribution): boolean => {
      const placement = tables?.[KEYS[name]].placement ?? 'plain'
      return placement !== 'plain' && !(name === 'sessions' && placement === 'local')
    }
    if (isDone(found)) return
    try {
      await connection.queryOnce(MOVE_WITHIN, text, [table])
      distributed.push(name)
    } catch (error) {
      // Another process may have done it meanwhile.
      if (!isDone(await readDistribution(connection, names))) throw error
    }
  }

  // The small tables come first: if the role or the cluster does not allow it, no rows have moved.
  await layOut('migrations', names.migrations, ADD_LOCAL)
  await layOut('signing_keys', names.keys, ADD_LOCAL)
  await layOut('sessions', names.sessions, DISTRIBUTE)
  // Also after a call that was interrupted between the two statements.
  const [local] = await connection.query(LOCAL_BYTES, [names.sessions])
  if (Number(local?.['bytes']) > 0) await connection.queryOnce(MOVE_WITHIN, TRUNCATE, [names.sessions])
  return { applied, distributed }
}

/** Why the tables cannot be laid out here; `null` if they can. Asked before anything is created or moved. */
function refusal(distribution: Distribution, names: Names, where: string): string | null {
  const { engine, isCoordinator, coordinatorIsNode, tables } = distribution
  if (engine === null)
    return `The database at ${where} has no Citus, so there is nothing to distribute over. ${UNCHANGED} Run \`npx pawl migrate\` without --distribute, or give the URL of a Citus coordinator.`
  if (tables === null)
    return `The role may not read the metadata of Citus at ${where}. ${UNCHANGED} Connect as the owner of the database.`
  if (isCoordinator === false)
    return `The server at ${where} is a worker of Citus. ${UNCHANGED} Give the URL of the coordinator.`
  if (coordinatorIsNode === false)
    return `The workers do not know the coordinator at ${where}, so they could not read the signing keys there. ${UNCHANGED} Have a superuser run on the coordinator, with the name by which the workers reach it: select citus_set_coordinator_host('<host name>');`
  const { placement, column } = tables.sessions
  const table = `'${names.sessions.replaceAll("'", "''")}'`
  if (placement === 'distributed' && column !== 'id')
    return `Table ${names.sessions} at ${where} is distributed by ${column ?? 'an unknown column'}, and Pawl's statements name the id. ${UNCHANGED} In a quiet minute, run: select alter_distributed_table(${table}, distribution_column => 'id', colocate_with => 'none');`
  if (placement === 'reference' || placement === 'single-shard')
    return `Table ${names.sessions} at ${where} is a ${placement === 'reference' ? 'reference table' : 'single shard'}. ${UNCHANGED} In a quiet minute, run \`select undistribute_table(${table});\`, then this command again.`
  return null
}
