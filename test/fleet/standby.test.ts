import { createSecretKey } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSessions, type EventName, type SessionsOptions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { pawl } from '../cli/pawl.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { openSite, type Site } from '../support/http-site.ts'
import { silentLogger } from '../support/logger.ts'
import { SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'
import { type Replication, startReplication } from './standby.ts'
import { until } from './until.ts'

const POLL = 0.5
const SOON = 10_000
const TROUBLE: readonly EventName[] = [
  'storeUnavailable',
  'confirmationsDropped',
  'keyTrouble',
  'feedPolling',
]
const IS_STANDBY =
  /^(?:pawl: )?PostgreSQL at 127\.0\.0\.1:\d+\/postgres is a standby, .*primary.*readOnly: true/

const clock = createFakeClock()

let servers: Replication
beforeAll(async () => {
  servers = await startReplication()
  const store = postgres({ connectionString: servers.primaryUrl })
  await (await createSessions({ store, secret: SECRET, logger: silentLogger })).close()
  await servers.caughtUp()
})
afterAll(() => servers?.remove())

const SETTINGS = { revocation: { pollInterval: POLL }, now: clock.now }

const openPrimary = (): Promise<Site> =>
  openSite({}, { ...SETTINGS, store: postgres({ connectionString: servers.primaryUrl }) })

/** A process on the standby that only reads. */
async function openReader(
  more: Partial<SessionsOptions> = {},
): Promise<{ site: Site; trouble: EventName[] }> {
  const store = postgres({ connectionString: servers.standbyUrl, readOnly: true })
  const site = await openSite({}, { ...SETTINGS, store, ...more })
  const trouble: EventName[] = []
  for (const name of TROUBLE) site.sessions.on(name, () => trouble.push(name))
  return { site, trouble }
}

const rejects = (verify: () => unknown) => (): boolean => {
  try {
    verify()
    return false
  } catch {
    return true
  }
}

describe('a standby', () => {
  it('is named at the start, also if nothing would have to be written', async () => {
    const key = createSecretKey(Buffer.alloc(32, 1))
    for (const given of [{}, { keys: { provided: [{ kid: 'k', algorithm: 'HS256', key }] } }] as const) {
      const store = postgres({ connectionString: servers.standbyUrl })
      const starting = createSessions({ store, secret: SECRET, logger: silentLogger, ...given })
      await expect(starting).rejects.toThrow(
        coded('ERR_STORE_UNAVAILABLE', { message: expect.stringMatching(IS_STANDBY) }) as Error,
      )
    }
  })

  it('is named by each command that writes, and read by the others', async () => {
    const primary = await openPrimary()
    const { session } = await primary.sessions.create({ userId: 'cli' })
    await servers.caughtUp()
    const env = { DATABASE_URL: servers.standbyUrl, PAWL_SECRET: SECRET }
    const writes = [
      ['migrate'],
      ['prune'],
      ['sessions', 'revoke', session.sessionId, '--yes'],
      ['keys', 'rotate'],
      ['keys', 'reset', '--yes'],
    ]
    for (const parameters of writes) {
      const ran = await pawl(parameters, env)
      expect([parameters, ran.code, ran.stderr]).toEqual([parameters, 1, expect.stringMatching(IS_STANDBY)])
      expect(ran.stderr.trim().split('\n')).toHaveLength(1)
    }
    for (const parameters of [
      ['status'],
      ['sessions', 'list', '--user', 'cli'],
      ['sessions', 'show', session.sessionId],
      ['keys', 'list'],
    ]) {
      const ran = await pawl(parameters, env)
      expect([parameters, ran.code, ran.stderr]).toEqual([parameters, 0, ''])
    }
  })
})

describe('a process on a standby', () => {
  it('verifies and checks what the primary has written, and sends every write away', async () => {
    const primary = await openPrimary()
    const { site, trouble } = await openReader({ revocation: { mode: 'lookup', pollInterval: POLL } })
    const anna = primary.visitor()
    await anna.login()
    await servers.caughtUp()
    const visitor = site.visitor(anna.jar)
    expect((await visitor.me()).status).toBe(200)
    for (const answer of [await visitor.refresh(), await visitor.logout(), await visitor.login()])
      expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' }, cookies: [] })
    expect((await anna.refresh()).status).toBe(200)
    expect((await visitor.me()).status).toBe(200)
    await site.sessions.flush()
    await site.sessions.close()
    expect(trouble).toEqual([])
  })

  it('learns of a revocation within pollInterval, and of a new key', async () => {
    const primary = await openPrimary()
    const { site, trouble } = await openReader()
    const { session, accessToken } = await primary.sessions.create({ userId: 'u' })
    expect(site.sessions.verify(accessToken.value).userId).toBe('u')
    await primary.sessions.revoke(session.sessionId)
    await until(
      'the revocation arrives',
      SOON,
      rejects(() => site.sessions.verify(accessToken.value)),
    )
    await primary.sessions.keys.rotate()
    await servers.caughtUp()
    clock.advance(11 * 60)
    const later = await primary.sessions.create({ userId: 'u' })
    const refused = rejects(() => site.sessions.verify(later.accessToken.value))
    await until('the key arrives', SOON, () => !refused())
    expect(trouble).toEqual([])
  })

  it('answers 503, not 401, while a new session has not arrived', async () => {
    const primary = await openPrimary()
    const { site } = await openReader({ revocation: { mode: 'lookup', pollInterval: POLL } })
    await servers.caughtUp()
    await servers.onStandby('select pg_wal_replay_pause()')
    const anna = primary.visitor()
    await anna.login()
    const visitor = site.visitor(anna.jar)
    const late = await visitor.me()
    expect(late).toMatchObject({ status: 503, cookies: [] })
    expect(late.headers.get('retry-after')).toBe('5')
    await servers.onStandby('select pg_wal_replay_resume()')
    await servers.caughtUp()
    expect((await visitor.me()).status).toBe(200)
    await anna.logout()
    await servers.caughtUp()
    expect((await visitor.me()).status).toBe(401)
  })

  // The last test: the servers go separate ways.
  it('goes on when the standby is promoted', async () => {
    const primary = await openPrimary()
    const { site, trouble } = await openReader()
    const before = await primary.sessions.create({ userId: 'before' })
    await servers.caughtUp()
    await servers.onStandby('select pg_promote()')
    expect((await site.sessions.check(before.accessToken.value)).userId).toBe('before')
    const promoted = await openSessions({
      ...SETTINGS,
      store: postgres({ connectionString: servers.standbyUrl }),
    })
    const { session, accessToken } = await promoted.create({ userId: 'after' })
    expect((await site.sessions.check(accessToken.value)).userId).toBe('after')
    await promoted.revoke(session.sessionId)
    await until(
      'the revocation arrives',
      SOON,
      rejects(() => site.sessions.verify(accessToken.value)),
    )
    expect(await site.visitor().login()).toMatchObject({ status: 503 })
    await site.sessions.close()
    expect(trouble).toEqual([])
  })
})
