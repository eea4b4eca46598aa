import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { createOwnPool } from '../../src/postgres/drivers/own-pool.ts'
import { pgDriver } from '../../src/postgres/drivers/pg.ts'
import type { PoolLike } from '../../src/postgres/drivers/pg-pool.ts'
import { postgres } from '../../src/postgres/index.ts'
import type { Target } from '../../src/postgres/target.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { silentLogger } from '../support/logger.ts'
import { SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'

const url = await createDatabase()

it("the loss of an idle connection in the application's pool does not end the process", async () => {
  const script = `
    import pg from 'pg'
    import { createSessions } from './src/index.ts'
    import { postgres } from './src/postgres/index.ts'
    const pool = new pg.Pool({ connectionString: ${JSON.stringify(url)} })
    const sessions = await createSessions({ store: postgres({ pool }), secret: ${JSON.stringify(SECRET)} })
    const { accessToken } = await sessions.create({ userId: 'anna' })
    const other = new pg.Client(${JSON.stringify(url)})
    await other.connect()
    const gone = new Promise((resolve) => pool.once('remove', resolve))
    // Spares the LISTEN connection, because its loss would log a warning in a slow process.
    await other.query("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database() and application_name not like 'pawl listen%'")
    await gone
    await other.end()
    console.log(sessions.verify(accessToken.value).userId, (await sessions.list('anna')).length)
    await sessions.close()
    await pool.end()`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script])
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  child.stderr.on('data', (chunk) => (errors += String(chunk)))
  const [code] = await once(child, 'close')
  // A slow process may also warn that LISTEN does not work.
  expect([code, output], errors).toStrictEqual([0, 'anna 1\n'])
})

/** The server is ready for the next statement, and ends the connection in the same packet. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])
const FIELDS = ['SFATAL', 'VFATAL', 'C57P01', 'Mterminating connection due to administrator command', '']
const FATAL = Buffer.from(`E\0\0\0\0${FIELDS.join('\0')}\0`)
FATAL.writeInt32BE(FATAL.length - 1, 1)

/** Leads to the server of `url`. */
async function startProxy() {
  let onAnswer: ((release: () => void) => void) | null = null
  const proxy = createServer((inner) => {
    const outer = connect(Number(new URL(url).port || 5432), new URL(url).hostname)
    inner.on('error', () => {}).on('close', () => outer.destroy())
    outer.on('error', () => {}).on('close', () => inner.destroy())
    inner.pipe(outer)
    outer.on('data', (chunk: Buffer) => {
      if (onAnswer === null || !chunk.subarray(-READY.length).equals(READY)) return void inner.write(chunk)
      onAnswer(() => inner.end(Buffer.concat([chunk, FATAL])))
      onAnswer = null
    })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => void proxy.close())
  const through = new URL(url)
  through.hostname = '127.0.0.1'
  through.port = String((proxy.address() as AddressInfo).port)
  return {
    url: through.href,
    /** Holds the next answer back. @returns a function that sends it, and ends the connection in the same packet */
    holdAnswer: () => new Promise<() => void>((resolve) => (onAnswer = resolve)),
  }
}

const TARGET: Target = { where: 'a server', useDriver() {}, assertOneHost() {} }

it.each(['own', 'given'])(
  'a connection that the server ends behind an answer does not end the process: %s pool',
  async (kind) => {
    const proxy = await startProxy()
    const pool =
      kind === 'given'
        ? createPool(proxy.url, { max: 1 })
        : createOwnPool(
            proxy.url,
            () => 1,
            TARGET,
            () => {},
          )
    onTestFinished(() => (kind === 'given' ? undefined : pool.end()))
    const driver = pgDriver(pool)
    const uncaught: unknown[] = []
    const onUncaught = (error: unknown): unknown => uncaught.push(error)
    process.on('uncaughtException', onUncaught)
    onTestFinished(() => void process.off('uncaughtException', onUncaught))

    await driver.query({ text: 'select 0', values: [] })
    const answer = proxy.holdAnswer()
    const first = driver.query({ text: 'select 1 as one', values: [] })
    const endBehindAnswer = await answer
    // Waits for the only connection.
    const second = driver.transaction!(5000, (run) => run({ text: 'select 2', values: [] }))
    const failed = expect(second).rejects.toThrow('not queryable')
    await new Promise(setImmediate)
    endBehindAnswer()
    expect(await first).toEqual([{ one: 1 }])
    await failed
    expect(uncaught).toEqual([])
  },
)

/** How a pool, or an object around one, may hand over its connections. */
const HANDOVERS: Record<string, (pool: pg.Pool) => PoolLike['connect']> = {
  'returns it': (pool) => () => pool.connect(),
  'calls back and returns it': (pool) => async (callback) => {
    const client = await pool.connect()
    callback?.(undefined, client)
    return client
  },
  'forwards what it gets, and looks at what comes back':
    (pool) =>
    async (...given: []) => {
      const client = await pool.connect(...given)
      expect(client.query).toBeTypeOf('function')
      return client
    },
}

it.each(Object.entries(HANDOVERS))(
  'a pool that %s may hand over its only connection many times',
  async (_, handover) => {
    const pool = createPool(url, { max: 1 })
    const driver = pgDriver({
      query: (config) => pool.query(config as pg.QueryConfig),
      connect: handover(pool),
      end: () => pool.end(),
    })
    const statement = { text: 'select 1 as one', values: [] }
    for (let time = 0; time < 12; time++)
      expect(await driver.transaction!(5000, (run) => run(statement))).toEqual([{ one: 1 }])
    const client = await pool.connect()
    expect(client.listenerCount('error')).toBe(0)
    client.release()
  },
)

it('close leaves no connection open, and later calls are refused', async () => {
  const watching = createPool(url)
  const open = async (): Promise<number> =>
    (
      await watching.query(
        `select from pg_stat_activity where application_name = 'pawl' and datname = current_database()`,
      )
    ).rows.length
  const sessions = await createSessions({
    store: postgres({ connectionString: url }),
    secret: SECRET,
    revocation: { pollInterval: 0.1 },
    logger: silentLogger,
  })
  const { refreshToken } = await sessions.create({ userId: 'bert' })
  const underWay = sessions.refresh(refreshToken.value).catch(() => {})
  await sessions.close()
  await underWay
  // The server notices the closed connections asynchronously.
  await expect.poll(open, { timeout: 10_000 }).toBe(0)
  await expect(sessions.list('bert')).rejects.toEqual(coded('ERR_STORE_UNAVAILABLE'))
  expect(await open()).toBe(0)
})

it('a session stays active if the transaction that ended it is rolled back', async () => {
  const sessions = await openSessions({ store: postgres({ pool: createPool(url) }) })
  const { session, accessToken, refreshToken } = await sessions.create({ userId: 'carl' })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('begin')
  expect(await sessions.using(client).revoke(session.sessionId)).toBe(true)
  await expect(sessions.using(client).setData(session.sessionId, {})).rejects.toEqual(
    coded('ERR_SESSION_ENDED'),
  )
  await client.query('rollback')
  await client.end()
  expect(sessions.verify(accessToken.value).userId).toBe('carl')
  expect((await sessions.refresh(refreshToken.value)).session.active).toBe(true)
})

it.each([
  'app:hunter2@127.0.0.1:1/shop',
  'jdbc:postgresql://app:hunter2@127.0.0.1:1/shop',
  'postgres://app:12/hunter2@127.0.0.1:1/shop',
  'postgres://app:hunter2@127.0.0.1:1/shop',
])('the error for %s contains no password', async (connectionString) => {
  const start = async (): Promise<unknown> =>
    createSessions({ store: postgres({ connectionString }), secret: SECRET, logger: silentLogger })
  const error = await start().then(
    () => expect.unreachable(),
    (thrown: Error) => thrown,
  )
  expect(`${error.message} ${error.stack}`).not.toContain('hunter2')
})
