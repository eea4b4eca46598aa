import { join } from 'node:path'
import pg from 'pg'
import { freePort } from '../../demo/embedded-postgres.ts'
import { type StallingProxy, startStallingProxy } from '../fleet/stalling-proxy.ts'
import { until } from '../fleet/until.ts'
import { createMachine, type Machine, type Service } from './machine.ts'
import { signalTrees } from './process-tree.ts'
import type { Tools } from './tools.ts'

/** A PostgreSQL server and a standby that follows it by asynchronous streaming replication. No manager: we promote. */
export interface StreamingPair {
  /** Connects through the proxy. */
  readonly url: string
  /** Stands where an operator has a virtual address. It leads to the primary until {@link promoteStandby}. */
  readonly proxy: StallingProxy
  /** Waits until the standby has replayed what the primary has written so far. */
  untilReplayed(): Promise<void>
  /** The standby receives nothing any more. The primary does not care. */
  stopReplication(): Promise<void>
  /** Kills all processes of the primary with -9. */
  killPrimary(): Promise<void>
  /** Promotes the standby. New connections lead to it. */
  promoteStandby(): Promise<void>
  remove(): Promise<void>
}

const READY_WITHIN = 30_000
const SUPERUSER = 'pawl'
const SETTINGS = ['max_connections=100', 'shared_buffers=32MB', 'fsync=off', 'wal_keep_size=256MB']

export async function startStreamingPair(tools: Tools): Promise<StreamingPair> {
  const machine = await createMachine('streaming')
  try {
    return await start(machine, tools)
  } catch (error) {
    await machine.remove()
    throw error
  }
}

async function start(machine: Machine, tools: Tools): Promise<StreamingPair> {
  const program = (name: string): string => join(tools.postgres, name)
  const folder = (name: string): string => join(machine.home, name)

  async function startServer(name: string): Promise<{ service: Service; url: string }> {
    const port = await freePort()
    const settings = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', ...SETTINGS]
    const flags = ['-D', folder(name), ...settings.flatMap((setting) => ['-c', setting])]
    const service = machine.start(name, program('postgres'), flags)
    const url = `postgres://${SUPERUSER}@127.0.0.1:${port}/postgres`
    await until(`the ${name} accepts connections`, READY_WITHIN, async () => {
      if (!service.running) throw new Error(`The ${name} stopped at start:\n${service.log}`)
      return await query(url, 'select 1').then(
        () => true,
        () => false,
      )
    })
    return { service, url }
  }

  const flags = [`--username=${SUPERUSER}`, '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
  await machine.run(program('initdb'), ['-D', folder('primary'), ...flags])
  const primary = await startServer('primary')
  const copy = ['-D', folder('standby'), '-d', primary.url, '--write-recovery-conf', '--checkpoint=fast']
  await machine.run(program('pg_basebackup'), copy)
  const standby = await startServer('standby')
  const proxy = await startStallingProxy(primary.url)

  return {
    url: proxy.through(primary.url),
    proxy,
    async untilReplayed() {
      const [written] = await query<{ at: string }>(primary.url, 'select pg_current_wal_lsn() as at')
      await until('the standby has replayed everything', READY_WITHIN, async () => {
        const sql = 'select pg_last_wal_replay_lsn() >= $1::pg_lsn as done'
        const [replayed] = await query<{ done: boolean }>(standby.url, sql, [written!.at])
        return replayed!.done
      })
    },
    async stopReplication() {
      await query(standby.url, `alter system set primary_conninfo = ''`)
      await query(standby.url, 'select pg_reload_conf()')
      await until('no standby is connected', READY_WITHIN, async () => {
        return (await query(primary.url, 'select from pg_stat_replication')).length === 0
      })
    },
    async killPrimary() {
      signalTrees([primary.service.pid], 'SIGKILL')
      await primary.service.stop('SIGKILL')
    },
    async promoteStandby() {
      await query(standby.url, 'select pg_promote()')
      proxy.redirect(standby.url)
    },
    async remove() {
      await proxy.close()
      await machine.remove()
    },
  }
}

async function query<T extends object>(url: string, text: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5000,
    query_timeout: 60_000,
  })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<T>(text, values)).rows
  } finally {
    await client.end()
  }
}
