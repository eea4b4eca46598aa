import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { openSessions } from '../support/sessions.ts'

const PAGE = join(import.meta.dirname, '../../docs/reference/schema.md')
/** Roles belong to the server, which other tests share. */
const ROLE = `helpdesk_${randomBytes(6).toString('hex')}`
const DAY = 86_400_000

const url = await createDatabase()
const owner = createPool(url)
let endOne: string
let endUser: string
let helpdesk: pg.Pool

beforeAll(async () => {
  const section = (await readFile(PAGE, 'utf8'))
    .split(/^## /m)
    .find((part) => part.startsWith('Ending sessions from SQL'))
  const printed = [...section!.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, sql]) => sql!)
  expect(printed).toHaveLength(3)
  const [grants] = printed
  endOne = printed[1]!
  endUser = printed[2]!
  await postgres({ pool: owner }).migrate()
  await owner.query(`create role ${ROLE}`)
  await owner.query(grants!.replaceAll('helpdesk', ROLE))
  helpdesk = createPool(url, { options: `-c role=${ROLE}` })
})
afterAll(async () => {
  await owner.query(`drop owned by ${ROLE}`)
  await owner.query(`drop role ${ROLE}`)
})

interface Login {
  readonly id: string
  readonly accessToken: string
  readonly refreshToken: string
}

async function login(sessions: Sessions, userId: string): Promise<Login> {
  const { session, accessToken, refreshToken } = await sessions.create({ userId })
  return { id: session.sessionId, accessToken: accessToken.value, refreshToken: refreshToken.value }
}

const endedFor = (reason: string): Error => coded('ERR_SESSION_ENDED', { reason }) as Error

/** Sessions that hear of an end by its notification only: they do not poll before. */
async function listening(): Promise<Sessions> {
  const sessions = await openSessions({
    store: postgres({ connectionString: url }),
    revocation: { pollInterval: 60 },
  })
  await vi.waitFor(() => expect(sessions.stats().feed.listening).toBe(true), { timeout: 10_000 })
  return sessions
}

describe('the printed statement', () => {
  it.each([
    ['device_lost', 'other'],
    ['revoked', 'revoked'],
  ])('for one session and the reason %s ends it in every process at once', async (word, reason) => {
    const [one, other] = await Promise.all([listening(), listening()])
    const lost = await login(one, 'lena')
    const kept = await login(one, 'lena')
    const heard: string[] = []
    other.onEnded(lost.id, (why) => heard.push(why))
    const before = Date.now()
    expect((await helpdesk.query(endOne, [lost.id, word])).rows).toStrictEqual([{ id: lost.id }])
    for (const sessions of [one, other]) {
      await vi.waitFor(
        () => expect(() => sessions.verify(lost.accessToken)).toThrow(endedFor(reason)),
        10_000,
      )
      await expect(sessions.refresh(lost.refreshToken)).rejects.toThrow(endedFor(reason))
      expect(sessions.verify(kept.accessToken).sessionId).toBe(kept.id)
    }
    expect(heard).toStrictEqual([reason])
    expect(await one.get(lost.id)).toMatchObject({ active: false, endReason: word })
    const { rows } = await owner.query(
      'select ended_at = invalidated_at as same, prune_on::text from pawl.sessions where id = $1',
      [lost.id],
    )
    // As `revoke` would have set it: the first day after the 7 days of `privacy.keepEnded`.
    expect(rows[0].same).toBe(true)
    expect(Date.parse(rows[0].prune_on) - before).toBeGreaterThanOrEqual(7 * DAY)
    expect(Date.parse(rows[0].prune_on) - before).toBeLessThanOrEqual(8 * DAY)
    // The first end stays.
    expect((await helpdesk.query(endOne, [lost.id, 'again'])).rows).toStrictEqual([])
    expect(await one.get(lost.id)).toMatchObject({ endReason: word })
  })

  it('for a user ends all sessions of the user, and none of another', async () => {
    const sessions = await listening()
    const mine = [await login(sessions, 'mona'), await login(sessions, 'mona')]
    const other = await login(sessions, 'nora')
    const { rows } = await helpdesk.query(endUser, ['mona', 'account_closed'])
    expect(rows.map(({ id }) => id).sort()).toStrictEqual(mine.map(({ id }) => id).sort())
    for (const { accessToken } of mine)
      await vi.waitFor(() => expect(() => sessions.verify(accessToken)).toThrow(endedFor('other')), 10_000)
    expect(await sessions.list('mona')).toMatchObject([{ active: false }, { active: false }])
    expect(sessions.verify(other.accessToken).userId).toBe('nora')
  })

  it('needs no more rights than the printed ones, and these give no tokens and no data', async () => {
    for (const forbidden of [
      'select current from pawl.sessions',
      'select data from pawl.sessions',
      'update pawl.sessions set claims = null',
      'delete from pawl.sessions',
      'select * from pawl.signing_keys',
    ])
      await expect(helpdesk.query(forbidden)).rejects.toMatchObject({ code: '42501' })
  })
})
