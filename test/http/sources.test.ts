import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { expressSessions } from '../../src/adapters/express/index.ts'
import { fastifySessions } from '../../src/adapters/fastify/index.ts'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { h3Sessions } from '../../src/adapters/h3/index.ts'
import { honoSessions } from '../../src/adapters/hono/index.ts'
import { koaSessions } from '../../src/adapters/koa/index.ts'
import { SessionsModule } from '../../src/adapters/nest/index.ts'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import {
  createSessions,
  isSessionsError,
  lazySessions,
  NotSignedInError,
  type Sessions,
} from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { silentLogger } from '../support/logger.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'

type Use = (source: never, options?: object) => unknown
const CALLERS: Readonly<Record<string, Use>> = {
  expressSessions,
  fastifySessions,
  fetchSessions,
  h3Sessions,
  honoSessions,
  koaSessions,
  nodeSessions,
  'SessionsModule.forRoot': SessionsModule.forRoot,
}
const OPTIONS = { store: memory(), secret: SECRET, logger: silentLogger }
const request = new Request('https://app.example.com/')
const answer = (): Response => new Response('hello')

afterEach(() => void vi.useRealTimers())

describe.each(Object.entries(CALLERS))('%s', (name, use) => {
  it('names the mistake if it gets neither sessions, a promise of them nor a function', () => {
    const mistakes: [given: unknown, named: string][] = [
      [undefined, 'undefined'],
      [null, 'null'],
      ['postgres://localhost', "'postgres://localhost'"],
      [OPTIONS, 'the options of createSessions()'],
      [memory(), 'a store'],
      [class Users {}, 'the class Users'],
      [createSessions, 'the function createSessions, which takes parameters'],
      [{ path: '/session' }, 'an object that createSessions() has not made'],
    ]
    for (const [given, named] of mistakes) {
      const message = `${name}() takes sessions, a promise of them, or a function that makes them, such as () => createSessions({ … }); it got ${named}`
      expect(() => use(given as never), named).toThrow(new TypeError(message))
    }
  })

  it('checks the other options at the call, and does not call the function', () => {
    const make = vi.fn(() => openSessions())
    expect(() => use(make as never, { path: 'session' })).toThrow(
      coded('ERR_INVALID_OPTIONS', { option: 'path' }),
    )
    expect(() => use(make as never, { cors: true })).toThrow(coded('ERR_INVALID_OPTIONS', { option: 'cors' }))
    expect(make).not.toHaveBeenCalled()
  })
})

it('lazySessions takes nothing but a function without parameters', () => {
  for (const [given, named] of [
    [undefined, 'undefined'],
    [OPTIONS, 'the options of createSessions()'],
    [createSessions, 'the function createSessions, which takes parameters'],
  ] as const) {
    const message = `lazySessions() takes a function that makes sessions, such as () => createSessions({ … }); it got ${named}`
    expect(() => lazySessions(given as never)).toThrow(new TypeError(message))
  }
})

it('isSessionsError knows the errors of another copy of the package', async () => {
  vi.resetModules()
  const copy = await import('../../src/index.ts')
  const theirs = new copy.NotSignedInError()
  expect(theirs).not.toBeInstanceOf(NotSignedInError)
  expect(isSessionsError(theirs)).toBe(true)
  expect(isSessionsError(Object.assign(new Error('x'), { code: 'ERR_NOT_SIGNED_IN' }))).toBe(false)
})

it('sessions of another copy of the package are refused, with the places of both', async () => {
  vi.resetModules()
  const copy = await import('../../src/index.ts')
  const theirs = await copy.createSessions({ ...OPTIONS, store: memory() })
  const place = process.cwd()
  expect(() => expressSessions(theirs)).toThrow(
    `it got sessions of a second load of the same package at ${place}: load it once`,
  )
  await theirs.close()
  const mark = Symbol.for('pawl.copy')
  const elsewhere = { ...theirs, [mark]: { path: '/app/node_modules/other/node_modules/pawl', number: 1 } }
  expect(() => expressSessions(elsewhere)).toThrow(
    `they were made by /app/node_modules/other/node_modules/pawl, and the adapter is from ${place}. Install one copy`,
  )
  const old = Object.fromEntries(Reflect.ownKeys(theirs).flatMap((key) => (key === mark ? [] : [[key, 1]])))
  expect(() => expressSessions(old as unknown as Sessions)).toThrow('they were made by an unknown place')
})

it('a function that gives no sessions is called once, and every request is answered with 503', async () => {
  const warnings = collectWarnings()
  const make = vi.fn(() => ({ secret: SECRET }) as unknown as Sessions)
  const withSession = fetchSessions(make)
  for (let time = 0; time < 3; time++) expect((await withSession(request, answer)).status).toBe(503)
  expect(make).toHaveBeenCalledTimes(1)
  expect(warnings).toMatchObject([
    { message: expect.stringContaining('it gave the options of createSessions()') },
  ])
})

it('options that the sessions do not allow are reported once, and requests are answered with 503', async () => {
  const warnings = collectWarnings()
  const make = vi.fn(() => openSessions({ revocation: { mode: 'expiry' } }))
  const withSession = fetchSessions(make, { revocations: true })
  for (let time = 0; time < 3; time++) expect((await withSession(request, answer)).status).toBe(503)
  expect(make).toHaveBeenCalledTimes(1)
  expect(warnings).toMatchObject([{ message: expect.stringContaining('`revocations`') }])
})

it('a request waits 15 s for the sessions, and later ones do not wait until they are made', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const warnings = collectWarnings()
  let resolve = (_sessions: Sessions): void => {}
  const withSession = fetchSessions(() => new Promise<Sessions>((done) => (resolve = done)))
  const first = withSession(request, answer)
  await vi.advanceTimersByTimeAsync(15_000)
  expect((await first).status).toBe(503)
  expect((await withSession(request, answer)).status).toBe(503)
  expect(warnings).toMatchObject([{ message: expect.stringContaining('has not settled within 15 s') }])
  resolve(await openSessions())
  await vi.advanceTimersByTimeAsync(0)
  expect((await withSession(request, answer)).status).toBe(200)
})

it('adapters that get the same function share what it makes', async () => {
  const make = vi.fn(() => openSessions())
  const withSession = fetchSessions(make)
  const sockets = nodeSessions(make).upgrade(() => {}, { optional: true })
  await withSession(request, answer)
  const handshake = Object.assign(new IncomingMessage(new Socket()), {
    headers: { upgrade: 'websocket', host: 'app.example.com' },
  })
  await sockets(handshake, new Socket(), Buffer.alloc(0))
  expect(make).toHaveBeenCalledTimes(1)
})

it('`read` of a function waits for the sessions, and rejects while they cannot be made', async () => {
  collectWarnings()
  const make = vi.fn(() => openSessions()).mockRejectedValueOnce(new Error('not yet'))
  const withSession = fetchSessions(make)
  await expect(withSession.read(request)).rejects.toThrow('not yet')
  expect(await withSession.read(request)).toBeNull()
})

it('a page of a trusted origin can read that there are no sessions yet', async () => {
  collectWarnings()
  const origin = 'https://shop.example.com'
  const withSession = fetchSessions(() => Promise.reject<Sessions>(new Error('not yet')), {
    trustedOrigins: [origin],
    cors: true,
  })
  const { status, headers } = await withSession(new Request(request, { headers: { origin } }), answer)
  expect([status, headers.get('access-control-allow-origin')]).toStrictEqual([503, origin])
})

it('a refresh that has waited too long for the sessions is not decided', async () => {
  const sessions = await openSessions({ rotation: { overlap: 2 } })
  const { refreshToken } = await sessions.create({ userId: 'anna' })
  const withSession = fetchSessions(async () => {
    await delay(1100)
    return sessions
  })
  const headers = { cookie: `__Secure-pawl-refresh=${refreshToken.value}` }
  const refresh = (): Request =>
    new Request('https://app.example.com/session/refresh', { method: 'POST', headers })
  expect((await withSession(refresh(), answer)).status).toBe(503)
  expect((await withSession(refresh(), answer)).status).toBe(200)
})

it('sessions that are made after `close` are closed', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  collectWarnings()
  let resolve = (_sessions: Promise<Sessions>): void => {}
  const sessions = lazySessions(() => new Promise<Sessions>((done) => (resolve = done)))
  const asked = sessions().catch((error: Error) => error.message)
  const closing = sessions.close()
  await vi.advanceTimersByTimeAsync(15_000)
  await closing
  expect(await asked).toContain('has not settled')
  const store = memory()
  const close = vi.spyOn(store, 'close')
  resolve(openSessions({ store }))
  await vi.advanceTimersByTimeAsync(1000)
  expect(close).toHaveBeenCalledTimes(1)
})

it('sessions that the function has not made itself are not closed, not even if they were under way', async () => {
  const store = memory()
  const close = vi.spyOn(store, 'close')
  vi.spyOn(store, 'start').mockImplementationOnce(() => delay(50))
  const made = openSessions({ store })
  const sessions = lazySessions(() => made)
  await sessions()
  await sessions.close()
  expect(close).not.toHaveBeenCalled()
})
