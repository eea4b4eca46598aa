import { expect, it } from 'vitest'
import type { Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { aroundQueries, watching } from '../support/pools.ts'
import { openSessions } from '../support/sessions.ts'

const url = await createDatabase()
const HERE = { origin: 'https://shop.example.com' }
const USED = coded('ERR_HANDOFF_REFUSED', { reason: 'used' }) as Error
const { now } = createFakeClock()
/** Nothing runs in the background while statements are counted. */
const QUIET = { now, revocation: { pollInterval: 60 }, privacy: { pruneInterval: null } } as const

const signedIn = async (sessions: Sessions, userId: string): Promise<string> =>
  (await sessions.create({ userId })).session.sessionId

it('takes one read to hand off, two reads and an insert to redeem, and a read more for each refresh that asks the parent', async () => {
  const { pool, sent } = watching(createPool(url))
  const sessions = await openSessions({ ...QUIET, store: postgres({ pool, listen: false }) })
  const parentId = await signedIn(sessions, 'anna')
  const statements = (): string[] => sent().map(({ text }) => text.split(/\s/, 1)[0]!)
  statements()
  const { code } = await sessions.handoff(parentId, HERE)
  expect(statements()).toStrictEqual(['select'])
  const { refreshToken, accessToken } = await sessions.redeem(code, HERE)
  expect(statements()).toStrictEqual(['select', 'insert', 'select'])
  // The insert that fails is followed by a look at the row: an earlier attempt of this call may have written it.
  await expect(sessions.redeem(code, HERE)).rejects.toThrow(USED)
  expect(statements()).toStrictEqual(['select', 'insert', 'select'])
  sessions.verify(accessToken.value)
  expect(statements()).toStrictEqual([])
  await sessions.refresh(refreshToken.value)
  expect(statements()).toStrictEqual(['select', 'select'])
})

it('of fifty redemptions of one code by five processes, exactly one succeeds', async () => {
  const fleet = await Promise.all(
    Array.from({ length: 5 }, () =>
      openSessions({ ...QUIET, store: postgres({ pool: createPool(url, { max: 4 }) }) }),
    ),
  )
  for (let round = 0; round < 4; round++) {
    const userId = `race ${round}`
    const parentId = await signedIn(fleet[0]!, userId)
    const { code } = await fleet[0]!.handoff(parentId, HERE)
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => fleet[index % 5]!.redeem(code, HERE)),
    )
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const lost = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.reason] : []))
    expect(won).toHaveLength(1)
    expect(lost).toStrictEqual(Array.from({ length: 49 }, () => 'used'))
    const { session, refreshToken } = won[0]!
    // The row is that of the one who got the tokens.
    expect((await fleet[round]!.refresh(refreshToken.value)).session.sessionId).toBe(session.sessionId)
    expect(await fleet[0]!.list(userId)).toHaveLength(2)
  }
})

it.each([1, 3])('recognizes its own row after a lost answer (%i at once)', async (count) => {
  let losing = false
  const pool = aroundQueries(createPool(url), async (config, run) => {
    const answer = await run()
    if (!losing || !config.text.startsWith('insert')) return answer
    losing = false
    throw new Error('Connection terminated unexpectedly')
  })
  const sessions = await openSessions({ ...QUIET, store: postgres({ pool, listen: false }) })
  const userId = `lost ${count}`
  const parentId = await signedIn(sessions, userId)
  const codes = await Promise.all(Array.from({ length: count }, () => sessions.handoff(parentId, HERE)))
  losing = true
  const redeemed = await Promise.all(codes.map(({ code }) => sessions.redeem(code, HERE)))
  for (const { session, refreshToken } of redeemed)
    expect((await sessions.refresh(refreshToken.value)).session.sessionId).toBe(session.sessionId)
  expect(losing).toBe(false)
  for (const { code } of codes) await expect(sessions.redeem(code, HERE)).rejects.toThrow(USED)
  expect(await sessions.list(userId)).toHaveLength(count + 1)
})

it('takes part in a transaction of the application: a rolled back redemption has not used the code', async () => {
  const pool = createPool(url)
  const sessions = await openSessions({ ...QUIET, store: postgres({ pool, listen: false }) })
  const parentId = await signedIn(sessions, 'tom')
  const client = await pool.connect()
  try {
    await client.query('begin')
    const { code } = await sessions.using(client).handoff(parentId, HERE)
    await sessions.using(client).redeem(code, HERE)
    await client.query('rollback')
    await client.query('begin')
    const { session } = await sessions.using(client).redeem(code, HERE)
    // The other one waits for the first to commit, and has lost then.
    const other = expect(sessions.redeem(code, HERE)).rejects.toThrow(USED)
    await client.query('commit')
    await other
    expect(await sessions.list('tom', { active: true })).toMatchObject([
      { sessionId: expect.any(String) },
      { sessionId: expect.any(String) },
    ])
    expect(await sessions.get(session.sessionId)).toMatchObject({ active: true })
  } finally {
    client.release()
  }
})

it('reads in a transaction of the application only there, for a chain that only it can see', async () => {
  // A second connection would wait for the first one for ever.
  const pool = createPool(url, { max: 1 })
  const sessions = await openSessions({ ...QUIET, store: postgres({ pool, listen: false }) })
  const client = await pool.connect()
  try {
    await client.query('begin')
    const inside = sessions.using(client)
    const redeem = async (from: string): Promise<string> =>
      (await inside.redeem((await inside.handoff(from, HERE)).code, HERE)).session.sessionId
    const first = (await inside.create({ userId: 'carl' })).session.sessionId
    const last = await redeem(await redeem(first))
    expect((await inside.renew(last)).session.sessionId).toBe(last)
    await inside.revoke(first)
    await expect(inside.handoff(last, HERE)).rejects.toThrow(coded('ERR_SESSION_ENDED') as Error)
    await expect(inside.renew(last)).rejects.toThrow(coded('ERR_SESSION_ENDED') as Error)
    await client.query('rollback')
    // Nothing of that has reached the process.
    await client.query('begin')
    expect(sessions.stats().feed.entries).toBe(0)
    await client.query('rollback')
  } finally {
    client.release()
  }
})

it('takes one statement more to keep a session that ends with its parent', async () => {
  const { pool, sent } = watching(createPool(url))
  const sessions = await openSessions({ ...QUIET, store: postgres({ pool, listen: false }) })
  const { code } = await sessions.handoff(await signedIn(sessions, 'dora'), HERE)
  const { session, refreshToken } = await sessions.redeem(code, HERE)
  sent()
  expect(await sessions.revokeUser('dora', { except: session.sessionId })).toBe(1)
  expect(sent().map(({ text }) => text.split(/\s/, 1)[0])).toStrictEqual(['update', 'select', 'update'])
  expect((await sessions.refresh(refreshToken.value)).session.parentId).toBeNull()
})
