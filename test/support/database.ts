import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, inject } from 'vitest'

/** Creates an empty database for a test file and drops it when the file is done. */
export async function createDatabase(): Promise<string> {
  const serverUrl = inject('serverUrl')
  const name = `pawl_test_${randomBytes(6).toString('hex')}`
  await onServer(serverUrl, `create database ${name}`)
  afterAll(() => onServer(serverUrl, `drop database if exists ${name} with (force)`))
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

/** Creates a pool for `url` and closes it when the file is done. */
export function createPool(url: string, config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 10, ...config })
  pool.on('error', () => {})
  afterAll(() => pool.end())
  return pool
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
