import { join } from 'node:path'

/** Where a node listens. */
export interface Ports {
  readonly name: string
  readonly postgresPort: number
  readonly restPort: number
}

interface Surroundings {
  readonly home: string
  /** The folder with the programs of PostgreSQL. */
  readonly programs: string
  readonly etcdPort: number
}

export const SUPERUSER = 'pawl'
/**
 * The shortest `ttl` that all versions of Patroni accept. `loop_wait` + 2 × `retry_timeout` may not be longer, so that a
 * primary that cannot reach etcd steps down before another one is elected.
 */
const TIMES = { ttl: 20, loop_wait: 2, retry_timeout: 5 }

/** The configuration of one node. JSON is YAML. */
export function configurationOf(own: Ports, { home, programs, etcdPort }: Surroundings): string {
  return JSON.stringify({
    scope: 'pawl',
    name: own.name,
    restapi: { listen: `127.0.0.1:${own.restPort}`, connect_address: `127.0.0.1:${own.restPort}` },
    // Not `etcd3`: with it, a primary of Patroni 3.0 that was frozen takes the lock back from its successor.
    etcd: { host: `127.0.0.1:${etcdPort}` },
    bootstrap: {
      dcs: {
        ...TIMES,
        maximum_lag_on_failover: 1024 * 1024,
        postgresql: {
          use_pg_rewind: true,
          use_slots: true,
          parameters: { max_connections: 100, wal_keep_size: '256MB' },
        },
      },
      // `pg_rewind` needs checksums, or hint bits in the WAL.
      initdb: ['data-checksums', { encoding: 'UTF8' }, { locale: 'C' }],
    },
    postgresql: {
      listen: `127.0.0.1:${own.postgresPort}`,
      connect_address: `127.0.0.1:${own.postgresPort}`,
      data_dir: join(home, own.name),
      bin_dir: programs,
      pgpass: join(home, `${own.name}.pgpass`),
      authentication: {
        superuser: { username: SUPERUSER, password: 'unused' },
        replication: { username: 'replicator', password: 'unused' },
      },
      pg_hba: ['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust'],
      // Processes are killed, not the operating system: what PostgreSQL has written survives without fsync.
      parameters: { unix_socket_directories: '', shared_buffers: '32MB', fsync: 'off' },
    },
    tags: {},
  })
}
