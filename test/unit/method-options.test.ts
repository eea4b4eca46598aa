import { expect, it } from 'vitest'
import type { Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { openSessions } from '../support/sessions.ts'

const ID = '01a20a4c-4edb-71a0-8a4b-52da08d8c3c2'

/** Each method with one misspelled option. */
const CALLS: readonly [string, (sessions: Sessions, wrong: never) => unknown, names: string][] = [
  ['create', (sessions, wrong) => sessions.create(wrong), 'userId, claims, data'],
  ['verify', (sessions, wrong) => sessions.verify('x', wrong), 'ip, userAgent'],
  ['check', (sessions, wrong) => sessions.check('x', wrong), 'ip, userAgent'],
  ['refresh', (sessions, wrong) => sessions.refresh('x', wrong), 'ip, userAgent, arrivedAt, signal'],
  ['revokeUser', (sessions, wrong) => sessions.revokeUser('u', wrong), 'except'],
  ['expireAccessTokens', (sessions, wrong) => sessions.expireAccessTokens(wrong), 'userId'],
  ['list', (sessions, wrong) => sessions.list('u', wrong), 'active, limit, after'],
  ['setData', (sessions, wrong) => sessions.setData(ID, {}, wrong), 'ifVersion'],
  ['patchData', (sessions, wrong) => sessions.patchData(ID, {}, wrong), 'ifVersion'],
  ['renew', (sessions, wrong) => sessions.renew(ID, wrong), 'reauthenticated, claims, ip, userAgent'],
  ['revokeAll', (sessions, wrong) => sessions.revokeAll(wrong), 'lastSeenBefore, onProgress'],
  ['prune', (sessions, wrong) => sessions.prune(wrong), 'onProgress'],
  [
    'status',
    () => postgres({ connectionString: 'postgres://127.0.0.1:1/x' }).status({ excat: true } as never),
    'exact, lastSeenBefore, onProgress',
  ],
]

it.each(CALLS)('%s refuses an unknown option, and names those that it takes', async (method, call, names) => {
  const sessions = await openSessions()
  const attempt = async (): Promise<unknown> => call(sessions, { excat: true } as never)
  await expect(attempt).rejects.toThrow(TypeError)
  await expect(attempt).rejects.toThrow(`\`${method}\` does not take \`excat\`. It takes ${names}`)
})

it.each([null, 'x', 1, []])('a method that takes options refuses %j instead of them', async (given) => {
  const sessions = await openSessions()
  await expect(sessions.revokeUser('u', given as never)).rejects.toThrow(
    '`revokeUser` takes an object with except',
  )
})
