import { expect, it } from 'vitest'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { openWithClock } from '../support/sessions.ts'

const URL_OF_PAGE = 'https://app.example.com/page'
const PAGE = 'https://shop.example.com'

it('fetchSessions returns the same Response object if it adds no header', async () => {
  const { sessions } = await openWithClock()
  const response = new Response('text')
  expect(await fetchSessions(sessions)(new Request(URL_OF_PAGE), () => response)).toBe(response)
})

it('fetchSessions returns an error response unchanged, and adds headers to a redirect', async () => {
  const { sessions } = await openWithClock()
  const withSession = fetchSessions(sessions, { trustedOrigins: [PAGE], cors: true })
  const request = (): Request => new Request(URL_OF_PAGE, { headers: { origin: PAGE } })
  const error = Response.error()
  expect(await withSession(request(), () => error)).toBe(error)
  const { headers } = await withSession(request(), () => Response.redirect(URL_OF_PAGE, 302))
  expect(headers.get('access-control-allow-origin')).toBe(PAGE)
})

it.each([{ optional: false }, { lookup: false }, { maxAuthAge: 60 }, { required: true }])(
  'fetchSessions requires a session with the requirement %o',
  async (info) => {
    const { sessions } = await openWithClock()
    const served = await fetchSessions(sessions)(new Request(URL_OF_PAGE), () => new Response('secret'), info)
    expect(served.status).toBe(401)
  },
)

it.each([{}, { ip: '192.0.2.1' }, { optional: true }])(
  'fetchSessions admits visitors with %o',
  async (info) => {
    const { sessions } = await openWithClock()
    const served = await fetchSessions(sessions)(new Request(URL_OF_PAGE), () => new Response('hello'), info)
    expect(await served.text()).toBe('hello')
  },
)

it('creating a session after the response was returned throws a TypeError', async () => {
  const { sessions } = await openWithClock()
  const createLater: (() => Promise<unknown>)[] = []
  await fetchSessions(sessions)(new Request(URL_OF_PAGE), (session) => {
    createLater.push(() => session.create({ userId: 'anna' }))
    return Response.error()
  })
  await expect(createLater[0]!()).rejects.toBeInstanceOf(TypeError)
  expect(await sessions.list('anna')).toStrictEqual([])
})

it('fetchSessions reads the signal and the body of a request only when it needs them', async () => {
  const { sessions } = await openWithClock()
  const { accessToken, refreshToken } = await sessions.create({ userId: 'anna' })
  const read: string[] = []
  const requestTo = (path: string, cookie: string): Request => {
    const request = new Request(new URL(path, URL_OF_PAGE), { method: 'POST', headers: { cookie } })
    const recordRead = (name: string, value: unknown): PropertyDescriptor => ({
      get() {
        read.push(name)
        return value
      },
    })
    return Object.defineProperties(request, {
      signal: recordRead('signal', request.signal),
      body: recordRead('body', null),
    })
  }
  const withSession = fetchSessions(sessions)
  const send = (path: string, cookie: string): Promise<Response> =>
    withSession(requestTo(path, cookie), ({ userId }) => new Response(userId))
  expect(await (await send('/page', `__Host-pawl-access=${accessToken.value}`)).text()).toBe('anna')
  expect(read).toStrictEqual([])
  expect((await send('/session/refresh', `__Secure-pawl-refresh=${refreshToken.value}`)).status).toBe(200)
  expect(new Set(read)).toStrictEqual(new Set(['signal']))
})
