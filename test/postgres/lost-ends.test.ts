import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { aroundQueries, driverError, type Sent, watching } from '../support/pools.ts'
import { listen, openSessions } from '../support/sessions.ts'

const url = await createDatabase()
const admin = createPool(url)

const endedFor = (reason: string): Error => coded('ERR_SESSION_ENDED', { reason }) as Error

/** Undoes the end of sessions, as the failover to a replica that lacks the last commits does. */
async function lose(...ids: string[]): Promise<void> {
  const { rowCount } = await admin.query(
    `update pawl.sessions set ended_at = null, end_reason = null, invalidated_at = null
     where id = any($1::uuid[]) and ended_at is not null`,
    [ids],
  )
  expect(rowCount).toBe(ids.length)
}

/** How the row of each session ended; `null` for an active one. */
async function endsOf(...ids: string[]): Promise<(string | null)[]> {
  const { rows } = await admin.query('select id, end_reason from pawl.sessions where id = any($1::uuid[])', [
    ids,
  ])
  return ids.map((id) => rows.find((row) => row.id === id).end_reason)
}

async function eventually(ids: readonly string[], reasons: readonly string[]): Promise<void> {
  await vi.waitFor(async () => expect(await endsOf(...ids)).toStrictEqual(reasons), { timeout: 10_000 })
}

/** A process that ended a session, of which the database has lost the end. */
async function afterLoss(): Promise<{
  sessions: Sessions
  sessionId: string
  accessToken: string
  refreshToken: string
}> {
  const sessions = await openSessions({ store: postgres({ pool: createPool(url) }) })
  const { session, accessToken, refreshToken } = await sessions.create({ userId: 'u', claims: {}, data: {} })
  const { sessionId } = session
  await sessions.revoke(sessionId, 'logout')
  await lose(sessionId)
  return { sessions, sessionId, accessToken: accessToken.value, refreshToken: refreshToken.value }
}

describe('a session whose end the database has lost', () => {
  it('is ended again, for the same reason, when a process that knows the end meets its refresh token', async () => {
    const { sessions, sessionId, refreshToken } = await afterLoss()
    const ended = listen(sessions, 'ended')
    const heard: string[] = []
    sessions.onEnded(sessionId, (reason) => heard.push(reason))
    await expect(sessions.refresh(refreshToken)).rejects.toThrow(endedFor('logout'))
    await eventually([sessionId], ['logout'])

    const startedLater = await openSessions({ store: postgres({ pool: createPool(url) }) })
    await expect(startedLater.refresh(refreshToken)).rejects.toThrow(endedFor('logout'))
    // The listeners have had these events.
    expect(ended).toStrictEqual([])
    expect(heard).toStrictEqual(['logout'])
  })

  it.each<[what: string, call: (lost: Awaited<ReturnType<typeof afterLoss>>) => Promise<unknown>]>([
    ['check', ({ sessions, accessToken }) => sessions.check(accessToken)],
    ['setClaims', ({ sessions, sessionId }) => sessions.setClaims(sessionId, { admin: true })],
    ['reauthenticate', ({ sessions, sessionId }) => sessions.reauthenticate(sessionId)],
  ])('is refused and ended again by %s', async (_, call) => {
    const lost = await afterLoss()
    await expect(call(lost)).rejects.toThrow(endedFor('logout'))
    await eventually([lost.sessionId], ['logout'])
  })

  it.each<[what: string, call: (lost: Awaited<ReturnType<typeof afterLoss>>) => Promise<unknown>]>([
    ['get', ({ sessions, sessionId }) => sessions.get(sessionId)],
    ['list', ({ sessions }) => sessions.list('u')],
  ])('is ended again by %s', async (_, call) => {
    const lost = await afterLoss()
    await call(lost)
    await eventually([lost.sessionId], ['logout'])
  })

  it('is not turned by evidence from before the end, but ended again', async () => {
    // The read of the confirmation waits until the end is lost.
    let release = (): void => {}
    const lost = new Promise<void>((resolve) => {
      release = resolve
    })
    const pool = aroundQueries(createPool(url), async (config, run) => {
      if (/any\(\$1::uuid\[\]\)/.test(config.text) && /^select/.test(config.text)) await lost
      return run()
    })
    const sessions = await openSessions({ store: postgres({ pool }) })
    const { session, refreshToken } = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(refreshToken.value)
    sessions.verify(child.accessToken.value)
    const flushed = sessions.flush()
    await sessions.revoke(session.sessionId, 'logout')
    await lose(session.sessionId)
    release()
    await flushed
    await eventually([session.sessionId], ['logout'])
    expect(await sessions.get(session.sessionId)).toMatchObject({ generation: 0 })
  })

  it('costs one statement a minute, however often its tokens come', async () => {
    const { pool, sent } = watching(createPool(url))
    const clock = createFakeClock()
    const sessions = await openSessions({
      store: postgres({ pool }),
      now: clock.now,
      revocation: { pollInterval: 60 },
    })
    const { session, accessToken, refreshToken } = await sessions.create({ userId: 'u' })
    await sessions.revoke(session.sessionId)
    const forged = `${refreshToken.value.slice(0, -4)}AAAA`
    sent()
    const statements: Sent[] = []
    for (let minute = 1; minute <= 3; minute++) {
      for (let time = 0; time < 20; time++) {
        await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(endedFor('revoked'))
        await expect(sessions.check(accessToken.value)).rejects.toThrow(endedFor('revoked'))
        await expect(sessions.refresh(forged)).rejects.toThrow(coded('ERR_REFRESH_TOKEN_INVALID') as Error)
      }
      await vi.waitFor(() => {
        statements.push(...sent())
        expect(statements).toHaveLength(minute)
      }, 10_000)
      clock.advance(60)
    }
    await sessions.close()
    expect([...statements, ...sent()]).toStrictEqual(
      Array.from({ length: 3 }, () => ({ text: expect.stringMatching(/^update/), rows: 0 })),
    )
  })

  it('goes on after the rollback of a transaction that ended it, because no process knows that end', async () => {
    const sessions = await openSessions({ store: postgres({ pool: createPool(url) }) })
    const { session, refreshToken } = await sessions.create({ userId: 'u' })
    const client = await admin.connect()
    onTestFinished(() => client.release())
    await client.query('begin')
    expect(await sessions.using(client).revoke(session.sessionId)).toBe(true)
    await client.query('rollback')
    expect((await sessions.refresh(refreshToken.value)).session.active).toBe(true)
    expect(await endsOf(session.sessionId)).toStrictEqual([null])
  })
})

describe('a process that has lost its connections', () => {
  it.each([
    { how: 'with LISTEN', options: {} },
    { how: 'without LISTEN', options: { listen: false } },
  ] as const)('ends again what it ended in the last minute: $how', async ({ how, options }) => {
    const name = `lost-ends ${how}`
    const pool = createPool(url, { application_name: name })
    const sessions = await openSessions({
      store: postgres({ pool, ...options }),
      revocation: { pollInterval: 0.1 },
    })
    const ids: string[] = []
    for (const userId of ['a', 'b', 'b', 'c']) ids.push((await sessions.create({ userId })).session.sessionId)
    await sessions.revoke(ids[0]!, 'logout')
    await sessions.revokeUser('b')
    const ended = listen(sessions, 'ended')
    await lose(...ids.slice(0, 3))
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
      name,
    ])
    await eventually(ids.slice(0, 3), ['logout', 'revoked', 'revoked'])
    expect(await endsOf(ids[3]!)).toStrictEqual([null])
    expect(ended).toStrictEqual([])
  })

  it('tries until the database takes the ends, and tells of each failure', async () => {
    let away = false
    const pool = aroundQueries(createPool(url), async (config, run) => {
      if (away && !/^(?:listen|select)/.test(config.text)) throw driverError('57P03')
      return run()
    })
    const sessions = await openSessions({
      store: postgres({ pool, listen: false }),
      revocation: { pollInterval: 0.1 },
    })
    const failures = listen(sessions, 'storeUnavailable')
    const { session } = await sessions.create({ userId: 'u' })
    await sessions.revoke(session.sessionId, 'logout')
    await lose(session.sessionId)
    away = true
    // Any statement that fails shows that the connections are lost.
    await expect(sessions.expireAccessTokens(session.sessionId)).rejects.toThrow(
      coded('ERR_STORE_UNAVAILABLE') as Error,
    )
    await vi.waitFor(
      () => expect(failures.filter(({ operation }) => operation === 'end').length).toBeGreaterThan(1),
      {
        timeout: 10_000,
      },
    )
    away = false
    await eventually([session.sessionId], ['logout'])
  })
})
