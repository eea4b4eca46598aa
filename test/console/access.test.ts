import { describe, expect, it, vi } from 'vitest'
import { sessionsConsole } from '../../src/console/index.ts'
import { InvalidOptionsError, NotSignedInError, StoreUnavailableError } from '../../src/index.ts'
import { coded } from '../support/errors.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { openSessions } from '../support/sessions.ts'
import { formOf, MARIA, OWN_FORM, openConsole } from './support/console.ts'

const PATHS = [
  '/',
  '/users',
  '/user?id=anna',
  '/reuse.csv',
  '/live.json',
  '/console.css',
  '/console.js',
  '/x',
]

/** What nobody may see who is refused. */
const REFUSED = /Pawl|anna|session/i

describe('without a yes of `authorize` there is no console:', () => {
  it.each([undefined, {}, { authorize: undefined }, { authorize: true }, { path: '/x' }])(
    'options %j are an error',
    async (options) => {
      const sessions = await openSessions()
      expect(() => sessionsConsole(sessions, options as never)).toThrow(InvalidOptionsError)
    },
  )

  it('names the wrong option', async () => {
    const sessions = await openSessions()
    const make = (options: object) => () => sessionsConsole(sessions, options as never)
    expect(make({ path: '/x' })).toThrow(coded('ERR_INVALID_OPTIONS', { option: 'authorize' }) as Error)
    for (const path of ['admin', '/admin/', '//host', '/a/../b', '/a?b', '', null])
      expect(make({ authorize: () => null, path })).toThrow(
        coded('ERR_INVALID_OPTIONS', { option: 'path' }) as Error,
      )
  })

  it.each([null, undefined, false] as const)(
    'refuses everything with %s, without a word about sessions',
    async (no) => {
      const console = await openConsole({}, { authorize: () => no })
      await console.sessions.create({ userId: 'anna' })
      for (const path of PATHS) {
        const answer = await console.get(path)
        expect([path, answer.status]).toEqual([path, 403])
        expect(answer.text).not.toMatch(REFUSED)
        expect(answer.headers.get('cache-control')).toBe('no-store')
      }
      expect((await console.post('/actions/end-user?user=anna')).status).toBe(403)
      expect(await console.sessions.list('anna', { active: true })).toHaveLength(1)
    },
  )

  it.each([
    true,
    'maria',
    7,
    {},
    [],
    { actor: '' },
    { actor: 7 },
    { actor: 'x'.repeat(256) },
    { actor: ' ' },
    { actor: 'a\0b' },
    { actor: 'maria\nINFO a made-up line' },
    { actor: 'maria\u2028' },
    { actor: '\ud800' },
    Object.create({ actor: 'inherited' }),
    { actor: 'maria', readOnly: 'yes' },
    () => MARIA,
  ])('answers 500 and tells the process about %j', async (answer) => {
    const warnings = collectWarnings()
    const console = await openConsole({}, { authorize: () => answer as never })
    const { status, text } = await console.get('/users')
    expect([status, REFUSED.test(text)]).toEqual([500, false])
    expect(warnings).toMatchObject([
      { message: expect.stringMatching(/^`authorize` of the console threw: /) },
    ])
  })

  it('takes nothing from a polluted prototype', async () => {
    const warnings = collectWarnings()
    const console = await openConsole({}, { authorize: () => ({}) as never })
    const prototype = Object.prototype as { actor?: string }
    prototype.actor = 'polluted'
    try {
      expect((await console.get('/users')).status).toBe(500)
    } finally {
      delete prototype.actor
    }
    expect(warnings).toHaveLength(1)
  })

  it.each([
    ['throws', new Error('a secret'), 500],
    ['throws that nobody is signed in', new NotSignedInError(), 403],
    ['throws that the database is away', new StoreUnavailableError('away'), 503],
  ])('refuses if it %s', async (_, error, expected) => {
    const warnings = collectWarnings()
    const authorizes = [
      () => {
        throw error
      },
      () => Promise.reject(error),
    ]
    for (const authorize of authorizes) {
      const console = await openConsole({}, { authorize })
      const { status, text } = await console.get('/')
      expect([status, /a secret|away/.test(text)]).toEqual([expected, false])
    }
    expect(warnings).toHaveLength(expected === 500 ? 2 : 0)
  })

  it('answers 503 if it takes longer than 10 s', async () => {
    const warnings = collectWarnings()
    const sessions = await openSessions()
    vi.useFakeTimers()
    try {
      const handle = sessionsConsole(sessions, { authorize: () => new Promise<never>(() => {}) })
      const answer = handle(new Request('http://localhost/admin/sessions'))
      await vi.advanceTimersByTimeAsync(10_000)
      expect((await answer).status).toBe(503)
    } finally {
      vi.useRealTimers()
    }
    expect(warnings).toMatchObject([{ message: '`authorize` of the console did not answer within 10 s' }])
  })

  it('asks for every request, with the request of the framework', async () => {
    const asked: unknown[] = []
    const console = await openConsole(
      {},
      {
        authorize: async (request) => {
          asked.push(request.url)
          return { ...MARIA, readOnly: true }
        },
      },
    )
    for (const path of PATHS) await console.get(path)
    expect(asked).toEqual(PATHS.map((path) => `/admin/sessions${path}`))
  })
})

describe('somebody who may only look', () => {
  it('sees no actions, and cannot do them', async () => {
    const console = await openConsole({}, { authorize: () => ({ ...MARIA, readOnly: true }) })
    const { session } = await console.sessions.create({ userId: 'anna' })
    for (const path of ['/', '/user?id=anna', `/sessions/${session.sessionId}`]) {
      const page = await console.get(path)
      expect(page.status).toBe(200)
      expect(page.text).toContain('read-only')
      expect(page.text).not.toContain('/actions/')
    }
    const action = `/actions/end-session?session=${session.sessionId}`
    expect((await console.get(action)).status).toBe(403)
    expect((await console.post(action)).status).toBe(403)
    expect((await console.sessions.get(session.sessionId))?.active).toBe(true)
  })
})

describe('an action comes from a form of the console, and from nowhere else:', () => {
  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling subdomain', { 'sec-fetch-site': 'same-site', origin: 'https://other.example.com' }],
    ['an address that somebody typed', { 'sec-fetch-site': 'none' }],
    ['another origin, of an older browser', { origin: 'http://127.0.0.1:1' }],
    ['a page without an origin', { origin: 'null' }],
    ['no browser', {}],
  ])('refuses one of %s', async (_, headers) => {
    const console = await openConsole()
    const { session } = await console.sessions.create({ userId: 'anna' })
    const events = console.events('consoleAction')
    const question = await console.get(`/actions/end-session?session=${session.sessionId}`)
    const answer = await console.press(question, headers)
    expect(answer.status).toBe(403)
    expect((await console.sessions.get(session.sessionId))?.active).toBe(true)
    expect(events).toEqual([])
  })

  it('accepts one behind a proxy that replaces `Host`', async () => {
    const console = await openConsole()
    const { session } = await console.sessions.create({ userId: 'anna' })
    const question = await console.get(`/actions/end-session?session=${session.sessionId}`)
    const headers = {
      'sec-fetch-site': 'same-origin',
      origin: 'https://app.example.com',
      host: 'backend:8080',
    }
    expect((await console.press(question, headers)).status).toBe(303)
    expect((await console.sessions.get(session.sessionId))?.active).toBe(false)
  })

  it('accepts the form of an older browser, which sends its origin', async () => {
    const sessions = await openSessions()
    const { session } = await sessions.create({ userId: 'anna' })
    const handle = sessionsConsole(sessions, { authorize: () => MARIA })
    const origin = 'http://localhost'
    const url = `${origin}/admin/sessions/actions/end-session?session=${session.sessionId}`
    const action = formOf({ text: await (await handle(new Request(url))).text() })
    const answer = await handle(new Request(origin + action, { method: 'POST', headers: { origin } }))
    expect(answer.status).toBe(303)
    // `no-referrer` would make browsers send the origin `null`.
    expect(answer.headers.get('referrer-policy')).toBe('same-origin')
    expect((await sessions.get(session.sessionId))?.active).toBe(false)
  })

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('changes nothing by %s', async (method) => {
    const sessions = await openSessions()
    const { session } = await sessions.create({ userId: 'anna' })
    const handle = sessionsConsole(sessions, { authorize: () => MARIA })
    const url = `http://localhost/admin/sessions/actions/end-session?session=${session.sessionId}`
    const answer = await handle(new Request(url, { method, headers: OWN_FORM }))
    expect(answer.status).toBe(method === 'GET' || method === 'HEAD' ? 200 : 405)
    expect((await sessions.get(session.sessionId))?.active).toBe(true)
  })
})
