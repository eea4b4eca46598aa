import { expect, it } from 'vitest'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { openWithClock } from '../support/sessions.ts'

const URL_OF_PAGE = 'https://app.example.com/page'
const PAGE = 'https://shop.example.com'

it('a response to which nothing is added is returned as it is', async () => {
  const { sessions } = await openWithClock()
  const response = new Response('text')
  expect(await fetchSessions(sessions)(new Request(URL_OF_PAGE), () => response)).toBe(response)
})

it('a response of which there can be no copy is returned as it is', async () => {
  const { sessions } = await openWithClock()
  const withSession = fetchSessions(sessions, { trustedOrigins: [PAGE], cors: true })
  const request = (): Request => new Request(URL_OF_PAGE, { headers: { origin: PAGE } })
  const error = Response.error()
  expect(await withSession(request(), () => error)).toBe(error)
  const { headers } = await withSession(request(), () => Response.redirect(URL_OF_PAGE, 302))
  expect(headers.get('access-control-allow-origin')).toBe(PAGE)
})

it.each([{ optional: false }, { lookup: false }, { maxAuthAge: 60 }, { required: true }])(
  'with %o a session is required, as with any of them elsewhere',
  async (info) => {
    const { sessions } = await openWithClock()
    const served = await fetchSessions(sessions)(new Request(URL_OF_PAGE), () => new Response('secret'), info)
    expect(served.status).toBe(401)
  },
)

it.each([{}, { ip: '192.0.2.1' }, { optional: true }])('with %o visitors come through', async (info) => {
  const { sessions } = await openWithClock()
  const served = await fetchSessions(sessions)(new Request(URL_OF_PAGE), () => new Response('hello'), info)
  expect(await served.text()).toBe('hello')
})

it('a session is too late when the response has been returned', async () => {
  const { sessions } = await openWithClock()
  const later: (() => Promise<unknown>)[] = []
  await fetchSessions(sessions)(new Request(URL_OF_PAGE), (session) => {
    later.push(() => session.create({ userId: 'anna' }))
    return Response.error()
  })
  await expect(later[0]!()).rejects.toBeInstanceOf(TypeError)
  expect(await sessions.list('anna')).toStrictEqual([])
})

it('a request is asked for its signal and its body where they matter alone', async () => {
  const { sessions } = await openWithClock()
  const { accessToken, refreshToken } = await sessions.create({ userId: 'anna' })
  const asked: string[] = []
  const requestTo = (path: string, cookie: string): Request => {
    const request = new Request(new URL(path, URL_OF_PAGE), { method: 'POST', headers: { cookie } })
    const noting = (name: string, value: unknown): PropertyDescriptor => ({
      get() {
        asked.push(name)
        return value
      },
    })
    return Object.defineProperties(request, {
      signal: noting('signal', request.signal),
      body: noting('body', null),
    })
  }
  const withSession = fetchSessions(sessions)
  const send = (path: string, cookie: string): Promise<Response> =>
    withSession(requestTo(path, cookie), ({ userId }) => new Response(userId))
  expect(await (await send('/page', `__Host-pawl-access=${accessToken.value}`)).text()).toBe('anna')
  expect(asked).toStrictEqual([])
  expect((await send('/session/refresh', `__Secure-pawl-refresh=${refreshToken.value}`)).status).toBe(200)
  expect(new Set(asked)).toStrictEqual(new Set(['signal']))
})
