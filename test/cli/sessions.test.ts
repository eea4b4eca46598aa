import { generateKeyPairSync } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { keyOf } from '../../src/core/device/device-key.ts'
import { ENGINE } from '../../src/core/engine.ts'
import { startActing } from '../../src/core/operations/acting.ts'
import type { EndReason, Session, Sessions } from '../../src/index.ts'
import type { PublicJwk } from '../../src/portable/proof.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { openSessions } from '../support/sessions.ts'
import { pawl, type Ran } from './pawl.ts'

const DAY = 86_400_000
const UNKNOWN = '00000000-0000-7000-8000-000000000000'
const REASONS: readonly EndReason[] = [
  'logout',
  'revoked',
  'reuse',
  'idle',
  'absolute',
  'replaced',
  'limit',
  'rollback',
  'device',
]

let url: string
beforeAll(async () => {
  url = await createDatabase()
})

const run = (...parameters: string[]): Promise<Ran> =>
  pawl(['sessions', ...parameters], { DATABASE_URL: url })
const open = (now?: () => number): Promise<Sessions> =>
  openSessions({ store: postgres({ connectionString: url }), ...(now && { now }) })
const login = async (sessions: Sessions, userId: string, more: object = {}): Promise<string> =>
  (await sessions.create({ userId, ...more })).session.sessionId

async function bindDevice(sessions: Sessions, id: string): Promise<void> {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = keyOf(publicKey.export({ format: 'jwk' }) as unknown as PublicJwk)!
  expect(await sessions[ENGINE].store.bindDevice(id, { key, kind: 'dbsc' })).toBe(true)
}

interface Shown extends Session {
  readonly why: string
}

describe('sessions list', () => {
  it('lists active sessions by user id or session id, and ended ones with --all', async () => {
    const sessions = await open()
    const live = await login(sessions, 'lena', { ip: '198.51.100.7', userAgent: 'Firefox' })
    const over = await login(sessions, 'lena')
    await sessions.revoke(over, 'logout')

    const [some, all, byId, people] = await Promise.all([
      run('list', '--user', 'lena', '--json'),
      run('list', '--user', 'lena', '--all', '--json'),
      run('list', over.toUpperCase(), '--json'),
      run('list', '--user', 'lena'),
    ])
    const ids = (ran: Ran): string[] =>
      ran.json<{ sessions: Session[] }>().sessions.map(({ sessionId }) => sessionId)
    expect(ids(some)).toEqual([live])
    expect(ids(all).sort()).toEqual([live, over].sort())
    expect(ids(byId)).toEqual([live])
    expect(people.code).toBe(0)
    const [heading, line, row] = people.stdout.split('\n')
    expect(heading).toMatch(/^session +state +last seen/)
    expect(line).toMatch(/^-{36} {2}-/)
    expect(row).toMatch(
      new RegExp(
        `^${live} {2}active {2} ?\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ \\(\\d+ s ago\\).*198.51.100.7.*Firefox$`,
      ),
    )
  })

  it('names the administrator who acts as the user', async () => {
    const sessions = await open()
    const administrator = {
      sessionId: await login(sessions, 'root'),
      version: 0,
      authTime: Date.now(),
      expiresAt: Date.now() + 60_000,
      canContinue: true,
    }
    const { row } = await startActing(sessions[ENGINE], administrator, { userId: 'mia' })
    const [list, show] = await Promise.all([run('list', '--user', 'mia'), run('show', row.id)])
    expect(list.stdout).toMatch(new RegExp(`^${row.id} {2}active, by root {2}`, 'm'))
    expect(show.stdout).toMatch(new RegExp(`^acting session of +${administrator.sessionId}$`, 'm'))
    expect(show.stdout).toMatch(/^An administrator \(root\) started to act as this user at \d{4}-/)
  })

  it('shows the device that a session is bound to, and the beginning of its thumbprint', async () => {
    const sessions = await open()
    const id = await login(sessions, 'dora')
    const unbound = await login(sessions, 'dora')
    await bindDevice(sessions, id)
    const { thumbprint } = (await sessions.get(id))!.device!
    const [list, json, show, other] = await Promise.all([
      run('list', '--user', 'dora'),
      run('list', id, '--json'),
      run('show', id),
      run('show', unbound),
    ])
    const text = `dbsc ${thumbprint.slice(0, 8)}`
    expect(list.stdout).toMatch(new RegExp(`^${id} .* ${text} `, 'm'))
    expect(json.json<{ sessions: Session[] }>().sessions).toContainEqual(
      expect.objectContaining({ sessionId: id, device: { kind: 'dbsc', thumbprint } }),
    )
    expect(show.stdout).toMatch(new RegExp(`^bound to +${text}$`, 'm'))
    expect(show.stdout).toContain('or the key that the session is bound to')
    expect(other.stdout).toMatch(/^bound to +no device$/m)
  })

  it('distinguishes a user without active sessions from an unknown user', async () => {
    const sessions = await open()
    await sessions.revoke(await login(sessions, 'otto'))
    const [over, never, which] = await Promise.all([
      run('list', '--user', 'otto', '--json'),
      run('list', '--user', 'nobody@example.org'),
      run('list'),
    ])
    expect([over.code, over.json()]).toEqual([0, { userId: 'otto', sessions: [] }])
    expect([never.code, never.stdout]).toEqual([1, ''])
    expect(never.stderr).toContain('not found')
    expect(which.code).toBe(2)
  })

  it('escapes control characters in text, and keeps them in JSON', async () => {
    const sessions = await open()
    const userId = 'evil \u001b[2J\u009b31m'
    const userAgent = 'a\u0007b\u202ec\r\nd'
    const id = await login(sessions, userId, { userAgent })
    const { userAgent: kept } = (await sessions.get(id))!
    for (const parameters of [
      ['list', '--user', userId],
      ['show', id],
      ['show', id, '--json'],
    ]) {
      const ran = await run(...parameters)
      expect(ran.code).toBe(0)
      expect(ran.stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
      if (parameters.includes('--json')) expect(ran.json()).toMatchObject({ userId, userAgent: kept })
    }
  })
})

describe('sessions show', () => {
  it('answers why a user was logged out, for every reason, the most relevant session first', async () => {
    const sessions = await open()
    const live = await login(sessions, 'wanda', { claims: { role: 'admin' }, data: { cart: [1] } })
    for (const reason of REASONS) await sessions.revoke(await login(sessions, 'wanda'), reason)

    const ran = await run('show', '--user', 'wanda', '--limit', '20', '--json')
    const { kept, sessions: shown } = ran.json<{ kept: number; sessions: Shown[] }>()
    expect([ran.code, kept]).toEqual([0, REASONS.length + 1])
    expect(shown.map(({ endReason }) => endReason)).toEqual([
      ...REASONS.filter((reason) => reason !== 'replaced').toReversed(),
      null,
      'replaced',
    ])
    expect(new Set(shown.map(({ why }) => why)).size).toBe(shown.length)
    expect(shown.find(({ endReason }) => endReason === 'reuse')?.why).toMatch(/copied refresh token.*thief/)
    expect(shown.at(-2)).toMatchObject({ sessionId: live, claims: { role: 'admin' }, data: { cart: [1] } })
    expect(shown.at(-2)?.why).toMatch(/^Not logged out/)

    const people = await run('show', '--user', 'wanda')
    expect(people.stdout).toContain("User 'wanda': 10 sessions found, 5 shown")
    expect(people.stdout.match(/^session {2,}[0-9a-f-]{36}$/gm)).toHaveLength(5)
  })

  it('says of a bound session who signed when it ended', async () => {
    const sessions = await open()
    const id = await login(sessions, 'doris')
    await bindDevice(sessions, id)
    await sessions.revoke(id, 'reuse')
    expect((await run('show', id, '--json')).json<Shown>().why).toMatch(/proof by the key of the device/)
    const lost = await login(sessions, 'doris')
    await bindDevice(sessions, lost)
    await sessions.revoke(lost, 'device')
    expect((await run('show', lost, '--json')).json<Shown>().why).toMatch(
      /did not prove that it is its device/,
    )
  })

  it('shows the reason of another program as text, without its control characters', async () => {
    const id = await login(await open(), 'otto')
    await createPool(url).query(
      'update pawl.sessions set ended_at = now(), invalidated_at = now(), end_reason = $2 where id = $1',
      [id, 'device\u001b[2J_lost'],
    )
    const [shown, listed, revoked, json] = await Promise.all([
      run('show', id),
      run('list', '--user', 'otto', '--all'),
      run('revoke', id),
      run('show', id, '--json'),
    ])
    const text = String.raw`device\u001b[2J_lost`
    expect(shown.stdout.replaceAll(/\s+/g, ' ')).toContain(`for the reason "${text}"`)
    for (const { stdout } of [shown, listed, revoked]) {
      expect(stdout).toContain(text)
      expect(stdout).not.toContain('\u001b')
    }
    expect(json.json<Shown>()).toMatchObject({ endReason: 'device\u001b[2J_lost', active: false })
  })

  it('says that a session had expired, even if it was revoked later', async () => {
    const past = await open(() => Date.now() - 3 * DAY)
    const idle = await login(past, 'ida', { idleTimeout: 3600 })
    const absolute = await login(past, 'ida', { absoluteTimeout: 3600 })
    const swept = await login(past, 'ida', { idleTimeout: 3600 })
    await (await open()).revoke(swept)
    const shown = new Map(
      (await run('show', '--user', 'ida', '--json'))
        .json<{ sessions: Shown[] }>()
        .sessions.map((one) => [one.sessionId, one]),
    )
    expect(shown.get(idle)).toMatchObject({ endReason: 'idle', active: false })
    expect(shown.get(idle)?.why).toContain('the idle timeout is 60 min')
    expect(shown.get(absolute)).toMatchObject({ endReason: 'absolute', active: false })
    expect(shown.get(swept)?.why).toMatch(/had expired before that/)
  })

  it('reports an unknown session, and does not query the database for a malformed id', async () => {
    const nowhere = { DATABASE_URL: 'postgres://127.0.0.1:1/nowhere' }
    const [unknown, nonsense, token] = await Promise.all([
      run('show', UNKNOWN, '--json'),
      pawl(['sessions', 'show', 'nonsense'], nowhere),
      pawl(['sessions', 'show', `pawl_r1_${'x'.repeat(100)}`], nowhere),
    ])
    for (const ran of [unknown, nonsense, token]) {
      expect([ran.code, ran.stdout]).toEqual([1, ''])
      expect(ran.stderr).toMatch(/^pawl: not found: [^\n]*\n$/)
    }
    expect(token.stderr).not.toContain('xxx')
  })
})

describe('sessions revoke', () => {
  it('revokes sessions by id, and notifies a running process', async () => {
    const sessions = await open()
    const { session, accessToken } = await sessions.create({ userId: 'rita' })
    const over = await login(sessions, 'rita')
    await sessions.revoke(over, 'logout')
    expect(sessions.verify(accessToken.value).userId).toBe('rita')

    const heard = new Promise((resolve) => sessions.onEnded(session.sessionId, resolve))
    const ran = await run('revoke', session.sessionId, over, '--json')
    expect([ran.code, ran.json()]).toMatchObject([
      0,
      {
        sessions: [
          { sessionId: session.sessionId, outcome: 'revoked', endReason: 'revoked' },
          { sessionId: over, outcome: 'already ended', endReason: 'logout' },
        ],
      },
    ])
    expect(await heard).toBe('revoked')
    expect(() => sessions.verify(accessToken.value)).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_ENDED', reason: 'revoked' }),
    )
  })

  it('exits with 1 if a session is not found, and revokes the others', async () => {
    const sessions = await open()
    const id = await login(sessions, 'sven')
    const ran = await run('revoke', UNKNOWN, 'nonsense', id)
    expect([ran.code, ran.stdout]).toEqual([
      1,
      `${UNKNOWN}: not found\n'nonsense': not found\n${id}: revoked\n`,
    ])
  })

  it('revokes all sessions of a user except one, without a terminal only with --yes', async () => {
    const sessions = await open()
    const kept = await login(sessions, 'uwe')
    await login(sessions, 'uwe')
    await login(sessions, 'uwe')
    const foreign = await login(sessions, 'vera')

    const [refused, wrong, mistaken, nobody] = await Promise.all([
      run('revoke', '--user', 'uwe'),
      run('revoke', '--user', 'uwe', '--all', '--yes'),
      run('revoke', '--user', 'uwe', '--except', foreign, '--yes'),
      run('revoke', '--user', 'nobody', '--yes'),
    ])
    expect([refused.code, wrong.code, mistaken.code, nobody.code]).toEqual([2, 2, 1, 1])
    expect(refused.stderr).toContain('--yes')
    expect((await sessions.list('uwe')).every(({ active }) => active)).toBe(true)

    const ran = await run('revoke', '--user', 'uwe', '--except', kept, '--yes', '--json')
    expect([ran.code, ran.json()]).toEqual([0, { userId: 'uwe', revoked: 2 }])
    const live = (await sessions.list('uwe')).filter(({ active }) => active)
    expect(live.map(({ sessionId }) => sessionId)).toEqual([kept])
    const again = await run('revoke', '--user', 'uwe', '--except', kept, '--yes')
    expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/^Nothing to revoke/)])
  })
})
