import { createSecretKey, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { counting } from '../support/stores.ts'
import {
  type Answer,
  formOf,
  linksOf,
  locationOf,
  type OpenConsole,
  openConsole,
  wordsOf,
} from './support/console.ts'

const NOTICE = /<p class="notice" role="status">([^<]*)<\/p>/

/** What the page after an action says that it did. */
const noticeIn = (text: string): string | undefined => NOTICE.exec(text)?.[1]

async function openWithUser(count: number, store = memory()) {
  const console = await openConsole({ store })
  const ids: string[] = []
  for (let n = 0; n < count; n++)
    ids.push((await console.sessions.create({ userId: 'anna' })).session.sessionId)
  const active = async (): Promise<string[]> =>
    (await console.sessions.list('anna', { active: true })).map(({ sessionId }) => sessionId)
  return { console, ids, active, events: console.events('consoleAction') }
}

it('ends one session: asks, says what will happen, does it, and says what it did', async () => {
  const { console, ids, active, events } = await openWithUser(2)
  const [id, other] = ids as [string, string]
  const page = await console.get(`/sessions/${id}`)
  const question = await console.get(linksOf(page).get('End session')!)
  expect(wordsOf(question.text)).toContain('End this session? The device is signed out')
  expect(await active()).toHaveLength(2)
  const done = await console.press(question)
  expect([done.status, locationOf(done).split('?')[0]]).toEqual([303, `/admin/sessions/sessions/${id}`])
  const after = await console.get(locationOf(done))
  expect(noticeIn(after.text)).toBe('The session has ended. Every process refuses its tokens.')
  expect(wordsOf(after.text)).toContain('The session was revoked at ')
  expect(await active()).toEqual([other])
  expect((await console.sessions.get(id))?.endReason).toBe('revoked')
  expect(events).toStrictEqual([
    { action: 'end-session', actor: 'maria@example.com', sessionId: id, userId: 'anna', sessions: 1 },
  ])
})

it('says that sessions started from a session end with it', async () => {
  const { console, ids } = await openWithUser(2)
  const origin = 'https://app.example.com'
  const { code } = await console.sessions.handoff(ids[0]!, { origin })
  const child = await console.sessions.redeem(code, { origin })
  const question = await console.get(`/actions/end-session?session=${ids[0]}`)
  expect(wordsOf(question.text)).toContain(
    'Sessions that were started from this one end too: by a handoff, or by acting as another user. All other sessions stay.',
  )
  await console.press(question)
  expect(() => console.sessions.verify(child.accessToken.value)).toThrow(/superseded/)
  await expect(console.sessions.refresh(child.refreshToken.value)).rejects.toThrow(/ended/)
})

it('says of a kept session no more than what the action did: another administrator may end it too', async () => {
  const { console, ids } = await openWithUser(3)
  const done = await console.answer(`/actions/end-others?user=anna&keep=${ids[0]}`)
  await console.sessions.revoke(ids[0]!, 'revoked')
  const { text } = await console.get(locationOf(done))
  expect(noticeIn(text)).toBe('2 other sessions ended. This action left this one alone.')
  expect(wordsOf(text)).toContain('Ended The session was revoked at ')
})

it('ends all sessions of a user', async () => {
  const { console, active, events } = await openWithUser(3)
  const question = await console.get(linksOf(await console.get('/user?id=anna')).get('End all sessions')!)
  expect(wordsOf(question.text)).toContain('anna has 3 active sessions now. All of them end')
  const after = await console.get(locationOf(await console.press(question)))
  expect(noticeIn(after.text)).toBe('3 sessions of this user ended.')
  expect(await active()).toEqual([])
  expect(events).toStrictEqual([
    { action: 'end-user', actor: 'maria@example.com', sessionId: null, userId: 'anna', sessions: 3 },
  ])
})

it('ends all sessions of a user but one', async () => {
  const { console, ids, active, events } = await openWithUser(3)
  const [keep] = ids as [string]
  const question = await console.get(linksOf(await console.get(`/sessions/${keep}`)).get('End all others')!)
  const after = await console.get(locationOf(await console.press(question)))
  expect(noticeIn(after.text)).toBe('2 other sessions ended. This action left this one alone.')
  expect(await active()).toEqual([keep])
  expect(events).toMatchObject([{ action: 'end-others', sessionId: keep, userId: 'anna', sessions: 2 }])
})

it('keeps no session that has ended meanwhile, or that is of another user', async () => {
  const { console, ids, active } = await openWithUser(2)
  const [keep, other] = ids as [string, string]
  const question = await console.get(`/actions/end-others?user=anna&keep=${keep}`)
  await console.sessions.revoke(keep, 'logout')
  const refused = await console.press(question)
  expect(refused.status).toBe(409)
  expect(wordsOf(refused.text)).toContain('The session to keep has ended The user signed out on this device')
  expect(await active()).toEqual([other])
  const { session } = await console.sessions.create({ userId: 'berta' })
  const stranger = await console.answer(`/actions/end-others?user=anna&keep=${session.sessionId}`)
  expect(stranger.status).toBe(404)
  expect(await active()).toEqual([other])
})

it('renews the access tokens of a session and of a user, and signs nobody out', async () => {
  const clock = createFakeClock()
  const console = await openConsole({ now: clock.now })
  const { session, accessToken } = await console.sessions.create({ userId: 'anna' })
  await console.sessions.create({ userId: 'anna' })
  clock.advance(60)
  const one = await console.get(
    linksOf(await console.get(`/sessions/${session.sessionId}`)).get('Expire access tokens')!,
  )
  expect(wordsOf(one.text)).toContain('Nobody is signed out.')
  const afterOne = await console.get(locationOf(await console.press(one)))
  expect(noticeIn(afterOne.text)).toBe('Older access tokens of this session are refused from now on.')
  expect(() => console.sessions.verify(accessToken.value)).toThrow(/must be refreshed|expired|superseded/i)
  const all = await console.get(linksOf(await console.get('/user?id=anna')).get('Expire access tokens')!)
  const afterAll = await console.get(locationOf(await console.press(all)))
  expect(noticeIn(afterAll.text)).toBe('Older access tokens of 2 sessions are refused from now on.')
  expect(await console.sessions.list('anna', { active: true })).toHaveLength(2)
})

it('rotates the signing key', async () => {
  const console = await openConsole()
  const events = console.events('consoleAction')
  const before = console.sessions.keys.list().length
  const question = await console.get(linksOf(await console.get('/')).get('Rotate key')!)
  const after = await console.get(locationOf(await console.press(question)))
  expect(noticeIn(after.text)).toMatch(/^Key \d+ is published\. The table below says when it signs\.$/)
  expect(console.sessions.keys.list()).toHaveLength(before + 1)
  expect(events).toStrictEqual([
    { action: 'rotate-keys', actor: 'maria@example.com', sessionId: null, userId: null, sessions: 0 },
  ])
})

it('offers no rotation of keys that the application brings', async () => {
  const key = createSecretKey(randomBytes(32))
  const console = await openConsole({ keys: { provided: [{ kid: 'own', algorithm: 'HS256', key }] } })
  expect(linksOf(await console.get('/')).has('Rotate key')).toBe(false)
  const refused = await console.answer('/actions/rotate-keys')
  expect([refused.status, wordsOf(refused.text).includes('cannot rotate these keys')]).toEqual([409, true])
})

it('two administrators at once: the second one learns that the first was faster', async () => {
  const { console, ids, events } = await openWithUser(1)
  const action = `/actions/end-session?session=${ids[0]}`
  const questions = await Promise.all([console.get(action), console.get(action)])
  const done = await Promise.all(questions.map((question) => console.press(question)))
  expect(done.map(({ status }) => status)).toEqual([303, 303])
  const notices = await Promise.all(
    done.map(async (each) => noticeIn((await console.get(locationOf(each))).text)),
  )
  expect(notices.sort()).toEqual([
    'Nothing was changed: the session had ended before. See below when and why.',
    'The session has ended. Every process refuses its tokens.',
  ])
  expect(events.map(({ sessions }) => sessions).sort()).toEqual([0, 1])
  const late = await console.get(action)
  expect(wordsOf(late.text)).toContain(
    'It has ended already, so nothing will happen. The session was revoked at ',
  )
})

it('two administrators in two processes, on PostgreSQL: both answers are true', async () => {
  const pool = createPool(await createDatabase())
  const [one, two] = [
    await openConsole({ store: postgres({ pool }) }),
    await openConsole({ store: postgres({ pool }) }),
  ]
  for (let n = 0; n < 20; n++) await one.sessions.create({ userId: 'anna' })
  const done = await Promise.all([one, two].map((console) => console.answer('/actions/end-user?user=anna')))
  const told = await Promise.all(
    done.map(async (answer, index) => noticeIn((await [one, two][index]!.get(locationOf(answer))).text)!),
  )
  const counts = told.map((text) => Number(/^\d+/.exec(text)?.[0] ?? 0))
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(20)
  expect(await two.sessions.list('anna', { active: true })).toEqual([])
})

it('a session that ends while somebody looks at it', async () => {
  const { console, ids } = await openWithUser(1)
  const [id] = ids as [string]
  const page = await console.get(`/sessions/${id}`)
  expect(wordsOf(page.text)).toContain('Not logged out: the session is active.')
  const question = await console.get(linksOf(page).get('End session')!)
  await console.sessions.revoke(id, 'logout')
  const after = await console.get(locationOf(await console.press(question)))
  expect(noticeIn(after.text)).toBe(
    'Nothing was changed: the session had ended before. See below when and why.',
  )
  // The reason that was first stays.
  expect(wordsOf(after.text)).toContain('The user signed out on this device at ')
})

it('a session whose row is deleted while somebody looks at it', async () => {
  const { console, ids } = await openWithUser(1)
  const question = await console.get(`/actions/end-session?session=${ids[0]}`)
  await console.sessions.deleteUser('anna')
  expect((await console.press(question)).status).toBe(303)
  const gone = await console.answer('/actions/end-session?session=01890000-0000-7000-8000-000000000000')
  expect([gone.status, wordsOf(gone.text).includes('Nothing was changed.')]).toEqual([404, true])
})

it.each([
  '/actions/end-session',
  '/actions/end-session?session=x',
  '/actions/end-user',
  '/actions/end-user?user=',
  `/actions/end-user?user=${'x'.repeat(256)}`,
  '/actions/end-user?user=%00',
  '/actions/end-others?user=anna',
  '/actions/end-others?user=anna&keep=anna',
])('refuses %s', async (path) => {
  const { console, active } = await openWithUser(1)
  for (const answer of [await console.get(path), await console.post(path)]) expect(answer.status).toBe(400)
  expect(await active()).toHaveLength(1)
})

it.each(['/actions/', '/actions/delete-all', '/actions/end-user/x', '/actions/END-USER?user=anna'])(
  'knows no action %s',
  async (path) => {
    const { console, active } = await openWithUser(1)
    expect((await console.get(path)).status).toBe(404)
    expect([404, 405]).toContain((await console.post(path)).status)
    expect(await active()).toHaveLength(1)
  },
)

describe('an action needs the form of its question:', () => {
  const asksAgain = async (console: OpenConsole, answer: Answer): Promise<Answer> => {
    expect([answer.status, locationOf(answer)]).toEqual([303, expect.stringMatching(/\/actions\/.*ask=$/)])
    const question = await console.get(locationOf(answer))
    expect(question.status).toBe(200)
    expect(noticeIn(question.text)).toBe(
      'Nothing was changed. The form was older than ten minutes, or not one of this console. Please answer again.',
    )
    return question
  }

  it('asks again if another page of the same origin sends one, without any work', async () => {
    const { store, calls } = counting(memory())
    const { console, active, events } = await openWithUser(1, store)
    calls.length = 0
    const answer = await console.post('/actions/end-user?user=anna')
    // The feed polls on its own.
    expect(calls.filter((call) => call !== 'changes')).toEqual([])
    const question = await asksAgain(console, answer)
    expect([await active(), events]).toMatchObject([{ length: 1 }, []])
    const after = await console.get(locationOf(await console.press(question)))
    expect(noticeIn(after.text)).toBe('1 session of this user ended.')
  })

  it('takes the form of no other action, target or administrator, and none that somebody made up', async () => {
    let actor = 'maria'
    const console = await openConsole({}, { authorize: () => ({ actor }) })
    const { session } = await console.sessions.create({ userId: 'anna' })
    const { sessionId } = session
    const other = (await console.sessions.create({ userId: 'berta' })).session.sessionId
    const events = console.events('consoleAction')
    const address = formOf(await console.get(`/actions/expire-session?session=${sessionId}`))!
    const ask = new URL(address, 'http://host').searchParams.get('ask')!
    expect(ask).toMatch(/^\d+\.[\w-]{43}$/)
    const [at, mac] = ask.split('.') as [string, string]
    for (const path of [
      `/actions/end-session?session=${sessionId}&ask=${ask}`,
      `/actions/expire-session?session=${other}&ask=${ask}`,
      `/actions/expire-user?user=anna&ask=${ask}`,
      `/actions/end-others?user=anna&keep=${sessionId}&ask=${ask}`,
      ...['', at, `${Number(at) + 1}.${mac}`, `${at}.${'A'.repeat(43)}`, `${ask}x`, 'x'.repeat(5000)].map(
        (made) => `/actions/expire-session?session=${sessionId}&ask=${made}`,
      ),
    ])
      await asksAgain(console, await console.post(path))
    // The address of a form that was sent, which may have changed something.
    expect((await console.get(address)).text).not.toContain('Nothing was changed')
    actor = 'ada'
    await asksAgain(console, await console.post(address))
    expect(events).toEqual([])
    actor = 'maria'
    expect(locationOf(await console.post(address))).toContain('?done=expire-session.1.')
    expect(events).toMatchObject([{ action: 'expire-session', actor: 'maria', sessionId }])
  })

  it('asks again after ten minutes, in every tab on its own, and in another process too', async () => {
    const clock = createFakeClock()
    const store = memory()
    const [console, other] = [
      await openConsole({ now: clock.now, store }),
      await openConsole({ now: clock.now, store }),
    ]
    const ids: string[] = []
    for (let n = 0; n < 3; n++)
      ids.push((await console.sessions.create({ userId: 'anna' })).session.sessionId)
    const tabs = await Promise.all(ids.map((id) => console.get(`/actions/end-session?session=${id}`)))
    clock.advance(10 * 60)
    expect(locationOf(await other.press(tabs[0]!))).toContain('?done=end-session.1.')
    clock.advance(1)
    for (const tab of tabs.slice(1)) {
      const again = await asksAgain(console, await console.press(tab))
      expect(locationOf(await console.press(again))).toContain('?done=end-session.1.')
    }
    expect(await console.sessions.list('anna', { active: true })).toEqual([])
  })
})

it('shows the result of an action on its page alone, for ten minutes, and none that somebody made up', async () => {
  const clock = createFakeClock()
  const console = await openConsole({ now: clock.now })
  const { session } = await console.sessions.create({ userId: 'anna' })
  await console.sessions.create({ userId: 'anna' })
  const to = locationOf(await console.answer(`/actions/end-session?session=${session.sessionId}`))
  const notice = async (path: string) => noticeIn((await console.get(path)).text)
  expect(await notice(to)).toBeDefined()
  const done = new URL(to, 'http://host').searchParams.get('done')!
  expect(await notice(`/user?id=anna&done=${done}`)).toBeUndefined()
  expect(await notice(to.replace('end-session.1', 'end-session.0'))).toBeUndefined()
  expect(
    await notice(to.replace(/done=.*/, `done=end-user.500.${clock.now()}.${'A'.repeat(43)}`)),
  ).toBeUndefined()
  clock.advance(11 * 60)
  expect(await notice(to)).toBeUndefined()
})

it('ends all sessions of a user without counting them first', async () => {
  const store = memory()
  const { console, active } = await openWithUser(2, store)
  const { listByUser } = store
  store.listByUser = () => Promise.reject(new StoreUnavailableError('the database is slow'))
  const question = await console.get('/actions/end-user?user=anna')
  expect(wordsOf(question.text)).toContain('anna has an unknown number of active sessions now.')
  expect((await console.press(question)).status).toBe(303)
  store.listByUser = listByUser
  expect(await active()).toEqual([])
})

it('says that nothing was changed if the database fails before, and records the attempt', async () => {
  const store = memory()
  const { console, ids, active, events } = await openWithUser(2, store)
  const [id] = ids as [string]
  const { read } = store
  const actions = [`end-session?session=${id}`, `end-others?user=anna&keep=${id}`]
  const questions = await Promise.all(actions.map((action) => console.get(`/actions/${action}`)))
  store.read = () => Promise.reject(new StoreUnavailableError('Cannot reach PostgreSQL.'))
  for (const question of questions) {
    const answer = await console.press(question)
    expect(answer.status).toBe(503)
    expect(wordsOf(answer.text)).toContain(
      'Nothing was changed Cannot reach PostgreSQL. Try again in a moment.',
    )
    expect(linksOf(answer).get('Back')).toBe(`/admin/sessions/sessions/${id}`)
  }
  store.read = read
  expect(await active()).toHaveLength(2)
  const by = { actor: 'maria@example.com', sessionId: id, sessions: 0 }
  expect(events).toStrictEqual([
    { ...by, action: 'end-session', userId: null },
    { ...by, action: 'end-others', userId: 'anna' },
  ])
})

it('does not advise to rotate again if nobody knows whether a key was published', async () => {
  const console = await openConsole()
  console.sessions.keys.rotate = () => Promise.reject(new StoreUnavailableError('the database is down'))
  const answer = await console.answer('/actions/rotate-keys')
  expect(answer.status).toBe(503)
  expect(wordsOf(answer.text)).toContain('another rotation publishes one more key.')
  expect(answer.text).not.toContain('no harm')
  expect(wordsOf((await console.get('/')).text)).toContain(
    'acted by the console: tried to rotate the signing key; the database failed, and whether it was done is not known',
  )
})

it('lists what each administrator did, in words', async () => {
  let actor = 'maria'
  const { now } = createFakeClock()
  const console = await openConsole({ now }, { authorize: () => ({ actor }) })
  for (actor of ['maria', 'ada']) await console.answer('/actions/rotate-keys')
  for (let n = 0; n < 2; n++) await console.sessions.create({ userId: 'anna' })
  const { session } = await console.sessions.create({ userId: 'anna' })
  await console.answer(`/actions/end-others?user=anna&keep=${session.sessionId}`)
  await console.answer(`/actions/end-session?session=${session.sessionId}`)
  await console.answer(`/actions/end-session?session=${session.sessionId}`)
  const words = wordsOf((await console.get('/')).text)
  const done = [
    'tried to end the session; nothing was changed',
    'ended the session (1 session)',
    'ended all sessions of the user but one (2 sessions)',
    'rotated the signing key',
  ]
  for (const each of done) expect(words).toContain(`administrator acted by the console: ${each}`)
  expect(words).toMatch(
    /rotated the signing key 0 s ago · by ada .*rotated the signing key 0 s ago · by maria/,
  )
  const timeline = wordsOf((await console.get(`/sessions/${session.sessionId}`)).text)
  for (const each of done.slice(0, 3)) expect(timeline).toContain(`ada acted by the console: ${each}`)
})

it('an ended session names the console, and who ended all sessions of its user', async () => {
  const clock = createFakeClock()
  const console = await openConsole({ now: clock.now })
  const create = async (userId: string) => (await console.sessions.create({ userId })).session.sessionId
  const timeline = async (id: string) => wordsOf((await console.get(`/sessions/${id}`)).text)
  const [gone, ended, stranger] = [await create('anna'), await create('anna'), await create('berta')]
  await console.sessions.revoke(gone, 'logout')
  clock.advance(5 * 60)
  await console.answer('/actions/end-user?user=anna')
  clock.advance(5 * 60)
  const [kept, other] = [await create('anna'), await create('anna')]
  await console.answer(`/actions/end-others?user=anna&keep=${kept}`)
  await console.answer(`/actions/expire-session?session=${kept}`)

  const all = 'maria@example.com acted by the console: ended all sessions of the user (1 session)'
  const others = 'maria@example.com acted by the console: ended all sessions of the user but one (1 session)'
  const expired = 'maria@example.com acted by the console: expired the access tokens of the session'
  const told = async (id: string) => {
    const words = await timeline(id)
    return [all, others, expired].map((each) => words.split(each).length - 1)
  }
  expect(await told(ended)).toEqual([1, 0, 0])
  expect(await told(kept)).toEqual([0, 1, 1])
  expect(await told(other)).toEqual([0, 1, 0])
  for (const id of [gone, stranger]) expect(await told(id)).toEqual([0, 0, 0])
  expect(await timeline(ended)).toContain('by an administrator in the console, or by an operator')
  expect(await timeline(ended)).toContain('Revoked by the application, the console or an operator')
})

it('says that it does not know what happened if the database fails in the middle', async () => {
  const store = memory()
  const { console, events } = await openWithUser(2, store)
  store.endByUser = () => Promise.reject(new StoreUnavailableError('the database is down'))
  const answer = await console.answer('/actions/end-user?user=anna')
  expect(answer.status).toBe(503)
  expect(wordsOf(answer.text)).toContain('Pawl does not know whether the action took effect')
  expect(events).toMatchObject([{ action: 'end-user', userId: 'anna', sessions: null }])
})
