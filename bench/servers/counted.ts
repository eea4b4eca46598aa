import pg from 'pg'

/**
 * A pool that counts its statements. It keeps its connections, because a new one costs more than a statement.
 * Tables without a schema are in `public`, also for a role with the name of Pawl's schema.
 */
export function countedPool(connectionString: string, max = 10): { pool: pg.Pool; statements(): number } {
  let sent = 0
  const options = '-c search_path=public'
  const pool = new pg.Pool({ connectionString, max, options, idleTimeoutMillis: 0 })
  pool.on('connect', (client) => {
    const query = client.query as (...args: unknown[]) => unknown
    Object.assign(client, {
      query(...args: unknown[]) {
        sent++
        return query.apply(client, args)
      },
    })
  })
  return { pool, statements: () => sent }
}

/** Counts the calls of a client's methods, each of which sends a command. */
export function countedClient<Client extends object>(client: Client): { client: Client; commands(): number } {
  let sent = 0
  const counting = new Proxy(client, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        sent++
        return member.apply(target, args)
      }
    },
  })
  return { client: counting, commands: () => sent }
}
