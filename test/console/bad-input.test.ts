import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { memory } from '../../src/memory/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { relayTo } from '../support/http-server.ts'
import { silentLogger } from '../support/logger.ts'
import { type Answer, linksOf, locationOf, openConsole, wordsOf } from './support/console.ts'

/** Texts that would be markup, another path, another parameter or another direction if the console did not take care. */
const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  '"><script>alert(1)</script>',
  "' onmouseover='alert(1)",
  '</title></textarea></style><b>',
  '&lt;b&gt;&amp;',
  '..',
  '../../etc/passwd',
  'a/b?c#d&id=e',
  '%2e%2e%2f',
  'a+b c',
  'javascript:alert(1)',
  '//evil.example.com',
  '\u202Egro.elpmaxe@anna',
  '\u0007\u001b[31mred',
  'line\r\nbreak: x',
  '👩‍💻 zoë 東京',
  '=1+1',
  'x'.repeat(255),
]

/** A page holds no element that the console has not written, and no character that reorders or hides text. */
function expectHarmless({ text }: Answer, hostile: string): void {
  expect(text).not.toMatch(
    /<(?:img|b|textarea)\b|<script(?! type="module" src="[^"]*console\.js"><\/script>)/,
  )
  // An input sends its value back, so it keeps every character. Browsers isolate its direction.
  const values = /(?<=<input [^>]*\bvalue=")[^"<>]*(?=")/g
  expect(text.replace(values, '').replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  for (const [tag] of text.matchAll(/<[a-z][^>]*>/g))
    expect(tag.replace(/"[^"]*"/g, '')).not.toMatch(/\son\w+/i)
  if (/[<>"']/.test(hostile)) expect(text).not.toContain(hostile)
}

describe('whatever an id or a user agent holds', () => {
  it.each(HOSTILE)('%j is text, and all actions find their user', async (hostile) => {
    const console = await openConsole()
    const { session } = await console.sessions.create({
      userId: hostile,
      userAgent: hostile,
      ip: '192.0.2.1',
      claims: { hostile, [hostile]: 1 },
      data: hostile,
    } as never)
    await console.sessions.create({ userId: 'anna' })
    const searches = [
      await console.get('/users'),
      await console.get(`/users?q=${encodeURIComponent([...hostile].slice(0, 4).join(''))}`),
    ]
    for (const page of searches) expectHarmless(page, hostile)
    const user = [...linksOf(searches[0]!).values()].find((href) => {
      const url = new URL(href, 'http://host')
      return url.pathname.endsWith('/user') && url.searchParams.get('id') === hostile
    })!
    const page = await console.get(user)
    expect(page.status).toBe(200)
    expectHarmless(page, hostile)
    const shown = await console.get(`/sessions/${session.sessionId}`)
    expect(shown.status).toBe(200)
    expectHarmless(shown, hostile)
    const question = await console.get(linksOf(page).get('End all sessions')!)
    expectHarmless(question, hostile)
    const done = await console.press(question)
    const after = await console.get(locationOf(done))
    expect(wordsOf(after.text)).toContain('1 session of this user ended.')
    expectHarmless(after, hostile)
    expect((await console.sessions.get(session.sessionId))?.active).toBe(false)
    expect(await console.sessions.list('anna', { active: true })).toHaveLength(1)
    expectHarmless(await console.get('/'), hostile)
    expectHarmless(
      await console.get(`/users?q=${encodeURIComponent(`nobody ${hostile}`.slice(0, 255))}`),
      hostile,
    )
  })

  it('the actor may be markup too', async () => {
    const actor = '<img src=x onerror=alert(1)>'
    const console = await openConsole({}, { authorize: () => ({ actor }) })
    const { session } = await console.sessions.create({ userId: 'anna' })
    await console.answer(`/actions/expire-session?session=${session.sessionId}`)
    for (const path of ['/', `/sessions/${session.sessionId}`]) expectHarmless(await console.get(path), actor)
  })

  it('cells of an export are no formulas', async () => {
    const console = await openConsole({ rotation: { overlap: 0 } })
    for (const userId of ['=cmd()', '+1', '-1', '@x', 'a,"b"\r\nc']) {
      const { refreshToken } = await console.sessions.create({ userId })
      const { refreshToken: next } = await console.sessions.refresh(refreshToken.value)
      await console.sessions.refresh(next!.value)
      await expect(console.sessions.refresh(refreshToken.value)).rejects.toThrow()
    }
    const { text } = await console.get('/reuse.csv')
    const ids = ["'=cmd()", "'+1", "'-1", "'@x", '"a,""b""\r\nc"']
    for (const id of ids) expect(text).toContain(`,${id},`)
    const { detections } = JSON.parse((await console.get('/reuse.json')).text) as { detections: object[] }
    expect(detections).toHaveLength(5)
  })
})

describe('unknown ids', () => {
  it.each([
    ['/user?id=nobody', 404],
    ['/user', 400],
    ['/user?id=', 400],
    ['/user?id=%00', 400],
    [`/user?id=${'x'.repeat(256)}`, 400],
    ['/user?id=%E0%A4%A', 404],
    ['/sessions/01890000-0000-7000-8000-000000000000', 404],
    ['/sessions/nothing', 404],
    ['/sessions/', 404],
    ['/user?id=anna&after=x', 200],
    ['/user?id=anna&after=99999999999999999.01890000-0000-7000-8000-000000000000', 200],
    ['/users?q=nobody', 200],
    [`/users?q=${'x'.repeat(10_000)}`, 200],
    ['/users?q=01890000-0000-7000-8000-000000000000', 200],
    ['/reuse?after=x', 200],
    ['/history', 404],
    ['/nothing', 404],
    ['/..%2f..', 404],
    ['//evil.example.com', 404],
  ])('%s: %i', async (path, status) => {
    const console = await openConsole()
    await console.sessions.create({ userId: 'anna' })
    expect((await console.get(path)).status).toBe(status)
  })

  it('finds a session by its id, in any case, and a user by the whole id', async () => {
    const console = await openConsole()
    const { session } = await console.sessions.create({ userId: 'anna' })
    const { sessionId } = session
    for (const q of [sessionId, sessionId.toUpperCase(), ` ${sessionId} `])
      expect(locationOf(await console.get(`/users?q=${encodeURIComponent(q)}`))).toBe(
        `/admin/sessions/sessions/${sessionId}`,
      )
    expect(locationOf(await console.get('/users?q=anna'))).toBe('/admin/sessions/user?id=anna')
  })
})

it('10,000 sessions of one user: pages of 50, each once, below 60 kB with styles and script', async () => {
  const pool = createPool(await createDatabase())
  const console = await openConsole({ store: postgres({ pool }) })
  const { session } = await console.sessions.create({ userId: 'anna', userAgent: 'x'.repeat(256) })
  // The rows differ in what the list sorts by.
  await pool.query(
    `insert into pawl.sessions
       select (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(),
         'turned_at', s.turned_at - n * interval '1 second'))).*
       from pawl.sessions s, generate_series(1, 9999) n where s.id = $1`,
    [session.sessionId],
  )
  const seen = new Set<string>()
  let path: string | undefined = '/user?id=anna'
  for (let pages = 0; pages < 4 && path !== undefined; pages++) {
    const page: Answer = await console.get(path)
    const ids = [...page.text.matchAll(/class="device"><a href="[^"]*\/sessions\/([^"]+)"/g)].map(
      ([, id]) => id!,
    )
    expect(ids).toHaveLength(50)
    for (const id of ids) expect(seen.has(id)).toBe(false)
    for (const id of ids) seen.add(id)
    path = linksOf(page).get('Older sessions')
    const parts = [
      page.text,
      (await console.get('/console.css')).text,
      (await console.get('/console.js')).text,
    ]
    expect(parts.reduce((sum, part) => sum + gzipSync(part).length, 0)).toBeLessThan(60_000)
  }
  const question = await console.get('/actions/end-user?user=anna')
  expect(wordsOf(question.text)).toContain('anna has 100 or more active sessions now.')
  const after = await console.get(locationOf(await console.press(question)))
  expect(wordsOf(after.text)).toContain('10,000 sessions of this user ended.')
})

it('tells a user id with a space at its end from the one without', async () => {
  const console = await openConsole({
    store: postgres({ pool: createPool(await createDatabase()), audit: true }),
  })
  for (const userId of ['anna', 'anna ', ' anna']) await console.sessions.create({ userId })
  for (const userId of ['anna', 'anna ', ' anna']) {
    const of = encodeURIComponent(userId)
    const own = `/admin/sessions/user?id=${of}`
    const history = `/admin/sessions/history?user=${of}`
    expect((await console.get(own)).text).toContain(`href="${history}"`)
    const found = (await console.get(history)).text
    expect(found.match(/<td role="cell" class="first">/g)).toHaveLength(1)
    expect(found).toContain(`href="${own}"`)
    expect(locationOf(await console.get(`/users?q=${of}`))).toBe(
      own === '/admin/sessions/user?id=anna' ? '' : own,
    )
  }
  expect((await console.get(`/history?user=${'x'.repeat(256)}`)).status).toBe(400)
})

it('keeps a user id in its search forms as it is, with characters that nobody sees', async () => {
  const console = await openConsole({
    store: postgres({ pool: createPool(await createDatabase()), audit: true }),
  })
  const shownIn = ({ text }: Answer, id: string): string =>
    new RegExp(`<input id="${id}"[^>]* value="([^"<>]*)"`)
      .exec(text)![1]!
      .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
  for (const userId of [
    'علی\u200cرضا',
    '👩\u200d💻',
    'soft\u00adhyphen',
    '\u202egnp.exe\u0007',
    '"><b>&\'',
  ]) {
    await console.sessions.create({ userId })
    const page = await console.get(`/history?user=${encodeURIComponent(userId)}`)
    expect(shownIn(page, 'f-user')).toBe(userId)
    expect(page.text).toContain('<td role="cell" class="first">')
    expect(shownIn(await console.get(`/users?q=${encodeURIComponent(`${userId}?`)}`), 'q')).toBe(`${userId}?`)
  }
  const broken = await console.get(`/history?user=${encodeURIComponent('line\r\nbreak')}`)
  expect(shownIn(broken, 'f-user')).toBe('line\\u000d\\u000abreak')
})

it('shows a session that another program has ended for a reason like a time, and asks before its actions', async () => {
  const store = memory()
  const console = await openConsole({ store })
  const { session } = await console.sessions.create({ userId: 'anna' })
  const { read } = store
  const ended = { endReason: '9999-99-99T99:99:99.999Z', endedAt: Date.now() }
  store.read = async (id) => ({ ...(await read(id))!, ...ended }) as never
  for (const path of [
    `/sessions/${session.sessionId}`,
    `/actions/end-session?session=${session.sessionId}`,
    `/actions/expire-session?session=${session.sessionId}`,
  ]) {
    const { status, text } = await console.get(path)
    expect([path, status]).toEqual([path, 200])
    expect(wordsOf(text)).toContain('for the reason "9999-99-99T99:99:99.999Z"')
  }
})

it('takes a place to continue that no page has named for the first page, before PostgreSQL', async () => {
  const console = await openConsole({
    store: postgres({ pool: createPool(await createDatabase()), audit: true }),
  })
  await console.sessions.create({ userId: 'anna' })
  const id = '01890000-0000-7000-8000-000000000000'
  for (const at of ['253402300800000', '999999999999999', '0', '-1'])
    for (const path of [
      `/user?id=anna&after=${at}.${id}`,
      `/reuse?after=${at}.${id}`,
      `/reuse.csv?after=${at}.${id}`,
      `/reuse.json?after=${at}.${id}`,
      `/history?after=${at}.ended.${id}`,
    ])
      expect([path, (await console.get(path)).status]).toEqual([path, 200])
  for (const after of ['%00', 'a%00b', 'x'.repeat(10_000)]) {
    const page = await console.get(`/users?after=${after}`)
    expect(page.status).toBe(200)
    expect(linksOf(page).has('anna')).toBe(true)
  }
})

describe('a database that is away', () => {
  it('the overview says so and shows what the process knows; other pages answer 503', async () => {
    const url = new URL(await createDatabase())
    const relay = await relayTo(url.hostname, Number(url.port))
    const target = new URL(url)
    target.host = `127.0.0.1:${relay.port}`
    const console = await openConsole({
      store: postgres({ connectionString: target.href }),
      logger: silentLogger,
    })
    const { session } = await console.sessions.create({ userId: 'anna' })
    expect((await console.get('/')).text).not.toContain('Database away')
    const question = await console.get('/actions/end-user?user=anna')
    relay.cut()
    const overview = await console.get('/')
    expect(overview.status).toBe(200)
    const words = wordsOf(overview.text)
    expect(words).toContain('Database away')
    expect(words).toContain('This page shows what the process itself knows.')
    expect(words).toMatch(/Sign-ins 1\b/)
    expect(words).toMatch(/Signing keys .* signs/)
    for (const path of [
      '/user?id=anna',
      `/sessions/${session.sessionId}`,
      '/users?q=a',
      '/reuse',
      '/reuse.csv',
    ]) {
      const answer = await console.get(path)
      expect([path, answer.status]).toEqual([path, 503])
      expect(answer.headers.get('retry-after')).toBe('5')
      expect(wordsOf(answer.text)).toContain('The database does not answer')
    }
    expect((await console.get('/live.json')).status).toBe(200)
    expect((await console.press(question)).status).toBe(503)
    relay.restore()
    const back = await console.get(`/sessions/${session.sessionId}`)
    expect([back.status, wordsOf(back.text).includes('the session is active')]).toEqual([200, true])
  })

  it('a page that takes too long does not say that the database is away', async () => {
    const store = memory()
    const console = await openConsole({ store: { ...store, listByUser: () => new Promise<never>(() => {}) } })
    const page = await console.get('/user?id=anna')
    expect(page.status).toBe(503)
    expect(wordsOf(page.text)).toContain(
      'This page took too long No answer within 2 s: the database is slow or',
    )
    expect(page.text).not.toContain('The database does not answer')
  })

  it('a part that never answers is left out after two seconds', async () => {
    const store = memory()
    let reads = 0
    const never = () => new Promise<never>(() => void reads++)
    const console = await openConsole({
      store: { ...store, inspect: { ...store.inspect!, overview: never } },
    })
    const page = await console.get('/')
    expect(page.status).toBe(200)
    expect(wordsOf(page.text)).toContain(
      'Incomplete No answer within 2 s: the database is slow or away, or all connections of its pool are in use.',
    )
    expect(wordsOf(page.text)).not.toContain('Database away')
    expect(wordsOf(page.text)).toContain('memory of this process')
    expect(wordsOf((await console.get('/')).text)).toContain('Incomplete')
    expect(reads, 'a second read beside the first').toBe(1)
  })
})

it('a store that tells nothing: users and sessions can be looked up all the same', async () => {
  const { inspect: _, ...store } = memory()
  const console = await openConsole({ store })
  await console.sessions.create({ userId: 'anna' })
  expect(wordsOf((await console.get('/')).text)).toContain('This store has no figures.')
  expect(locationOf(await console.get('/users?q=anna'))).toBe('/admin/sessions/user?id=anna')
  expect((await console.get('/users')).status).toBe(200)
  expect((await console.get('/reuse')).status).toBe(404)
  expect(linksOf(await console.get('/')).has('Reuse')).toBe(false)
})
