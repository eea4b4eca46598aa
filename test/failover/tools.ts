import { accessSync, constants, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The programs that the clusters consist of. */
export interface Tools {
  readonly patroni: string
  readonly etcd: string
  readonly haproxy: string
  /** The folder with `initdb`, `postgres`, `pg_basebackup` and `pg_rewind`. */
  readonly postgres: string
}

/** Where Debian installs them. An ordinary user's PATH may lack these directories. */
const SYSTEM_DIRECTORIES = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin']
const POSTGRES_VERSIONS = '/usr/lib/postgresql'
const DEBIAN_PACKAGES = 'apt-get install patroni etcd-server haproxy postgresql'

/** @returns the programs, or a sentence that says which of them are missing */
export function findTools(): Tools | string {
  if (process.platform !== 'linux') return 'The clusters need Linux.'
  const found = {
    patroni: find('patroni', pathDirectories()),
    etcd: find('etcd', pathDirectories()),
    haproxy: find('haproxy', pathDirectories()),
    pg_basebackup: find('pg_basebackup', serverDirectories()),
  }
  const { patroni, etcd, haproxy, pg_basebackup } = found
  if (patroni !== null && etcd !== null && haproxy !== null && pg_basebackup !== null)
    return { patroni, etcd, haproxy, postgres: join(pg_basebackup, '..') }
  const missing = Object.entries(found).flatMap(([name, path]) => (path === null ? [name] : []))
  return `Not installed: ${missing.join(', ')} (Debian: ${DEBIAN_PACKAGES}).`
}

function pathDirectories(): string[] {
  return [...(process.env['PATH'] ?? '').split(':'), ...SYSTEM_DIRECTORIES]
}

/** Debian keeps the programs of a server out of the PATH, in a folder for each version. The newest comes first. */
function serverDirectories(): string[] {
  let versions: string[] = []
  try {
    versions = readdirSync(POSTGRES_VERSIONS)
  } catch {
    // Not Debian.
  }
  const newestFirst = versions.sort((one, two) => Number(two) - Number(one))
  // A client package of a newer version has `pg_basebackup` without the server.
  return [
    ...newestFirst.map((version) => join(POSTGRES_VERSIONS, version, 'bin')),
    ...pathDirectories(),
  ].filter((directory) => find('initdb', [directory]) !== null && find('pg_rewind', [directory]) !== null)
}

function find(name: string, directories: readonly string[]): string | null {
  for (const directory of directories) {
    const path = join(directory, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not here: try the next directory.
    }
  }
  return null
}
