import { describe, expect, it, vi } from 'vitest'
import { ENGINE } from '../../src/core/engine.ts'
import { createRevocationSnapshots } from '../../src/core/revocation/revocation-snapshot.ts'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { type PostgresStore, postgres } from '../../src/postgres/index.ts'
import { decodeRevocations } from '../../src/wire/revocations.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { openSessions } from '../support/sessions.ts'

const pool = createPool(await createDatabase())

const endedFor = (reason: string): Error => coded('ERR_SESSION_ENDED', { reason }) as Error

/** How another program or a later release may leave a row, and how this release reads it. */
const ENDS: readonly (readonly [title: string, set: string, shown: string, reason: string])[] = [
  ['with a reason of its own', `ended_at = now(), end_reason = 'device_lost'`, 'device_lost', 'other'],
  ['with an empty reason', `ended_at = now(), end_reason = ''`, '', 'other'],
  ['with the name of a method of objects', `ended_at = now(), end_reason = 'toString'`, 'toString', 'other'],
  ['without a reason', 'ended_at = now()', 'other', 'other'],
  ['without a time', `end_reason = 'device_lost'`, 'device_lost', 'other'],
  ['with a reason of Pawl', `ended_at = now(), end_reason = 'logout'`, 'logout', 'logout'],
]

/** The other program notifies nobody. Once LISTEN works, a process polls only every `maxStaleness / 2`. */
const POLLING = { revocation: { pollInterval: 1, maxStaleness: 4 } } as const

interface Login {
  readonly sessions: Sessions
  readonly store: PostgresStore
  readonly sessionId: string
  readonly accessToken: string
  readonly refreshToken: string
  /** Ends the session as another program does. */
  end(set: string): Promise<void>
}

let schemas = 0
async function login(options: Partial<SessionsOptions> = {}): Promise<Login> {
  const schema = `ends_${++schemas}`
  const store = postgres({ pool, schema })
  const sessions = await openSessions({ store, ...options })
  const created = await sessions.create({ userId: 'anna' })
  const { sessionId } = created.session
  return {
    sessions,
    store,
    sessionId,
    accessToken: created.accessToken.value,
    refreshToken: created.refreshToken.value,
    async end(set) {
      await pool.query(`update ${schema}.sessions set ${set}, invalidated_at = now() where id = $1`, [
        sessionId,
      ])
    },
  }
}

/** Waits until the process has read the end. */
const refused = (sessions: Sessions, accessToken: string, reason: string): Promise<void> =>
  vi.waitFor(() => expect(() => sessions.verify(accessToken)).toThrow(endedFor(reason)), { timeout: 10_000 })

describe.each(ENDS)('a session that another program ended %s', (_, set, shown, reason) => {
  it('is refused by `verify`, and every listener and snapshot learns of it', async () => {
    const { sessions, sessionId, accessToken, end } = await login(POLLING)
    sessions.verify(accessToken)
    const heard: string[] = []
    sessions.onEnded(sessionId, (why) => heard.push(why))
    await end(set)
    await refused(sessions, accessToken, reason)
    sessions.onEnded(sessionId, (why) => heard.push(why))
    expect(heard).toStrictEqual([reason, reason])
    const list = decodeRevocations(createRevocationSnapshots(sessions[ENGINE])().body)!
    expect(list.get(sessionId)).toBeLessThan(0)
    expect(sessions.stats().feed.entries).toBe(1)
  })

  it('has ended for every call that reads the row', async () => {
    // In this mode no poll tells the process: it learns from the row alone.
    const options = { revocation: { mode: 'expiry' }, limits: { sessionsPerUser: 1 } } as const
    const { sessions, store, sessionId, accessToken, refreshToken, end } = await login(options)
    await end(set)
    await expect(sessions.check(accessToken)).rejects.toThrow(endedFor(reason))
    expect(() => sessions.verify(accessToken)).toThrow(endedFor(reason))
    await expect(sessions.refresh(refreshToken)).rejects.toThrow(endedFor(reason))
    await expect(sessions.setClaims(sessionId, {})).rejects.toThrow(endedFor(reason))
    await expect(sessions.patchData(sessionId, {})).rejects.toThrow(endedFor(reason))
    await expect(sessions.reauthenticate(sessionId)).rejects.toThrow(endedFor(reason))
    expect(await sessions.expireAccessTokens(sessionId)).toBe(0)
    const row = { active: false, endReason: shown, endedAt: expect.any(Date) }
    expect(await sessions.get(sessionId)).toMatchObject(row)
    expect(await sessions.list('anna')).toMatchObject([row])
    expect(await sessions.revoke(sessionId)).toBe(false)
    expect(await sessions.revokeUser('anna')).toBe(0)
    expect(await sessions.revokeAll()).toBe(0)
    expect((await store.status()).sessions).toMatchObject({ active: 0, ended: 1 })
    // It does not count against the limit, so the login ends no other session.
    await sessions.create({ userId: 'anna' })
    expect(await sessions.get(sessionId)).toMatchObject(row)
    expect(await sessions.deleteUser('anna')).toBe(2)
  })

  it('is not revived by an access token whose use was still to be recorded', async () => {
    const { sessions, sessionId, refreshToken, end } = await login({ revocation: { mode: 'expiry' } })
    const next = await sessions.refresh(refreshToken)
    await end(set)
    sessions.verify(next.accessToken.value)
    await sessions.flush()
    expect(await sessions.get(sessionId)).toMatchObject({ active: false, generation: 0 })
  })
})

it('an end for an unknown reason that the database loses is written again, for a reason that every release knows', async () => {
  const { sessions, sessionId, accessToken, refreshToken, end } = await login(POLLING)
  await end(`ended_at = now(), end_reason = 'device_lost'`)
  await refused(sessions, accessToken, 'other')
  await end('ended_at = null, end_reason = null')
  await expect(sessions.refresh(refreshToken)).rejects.toThrow(endedFor('other'))
  await expect.poll(() => sessions.get(sessionId)).toMatchObject({ active: false, endReason: 'revoked' })
})

it('`other` is no reason that an application may give', async () => {
  const { sessions, sessionId } = await login()
  await expect(sessions.revoke(sessionId, 'other' as never)).rejects.toThrow(TypeError)
})
