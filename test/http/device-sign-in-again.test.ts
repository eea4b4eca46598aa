import { expect, it } from 'vitest'
import { DEVICE_COOKIE, dbscVisitor } from '../support/device.ts'
import { type Answer, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { listen } from '../support/sessions.ts'

/*
 * A browser that has lost its key keeps the cookies of a session that nothing can refresh. The way back is the login.
 */

const HOUR = 3600
const FORM = {
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'content-type': 'application/x-www-form-urlencoded',
}

/** A bound session whose browser has lost the key, an hour later. */
async function openLost(
  ...[http, options]: Parameters<typeof openSite>
): Promise<{ site: Site; anna: Visitor }> {
  const site = await openSite(http, { deviceBinding: 'offer', ...options })
  const anna = dbscVisitor(site)
  await anna.login()
  await anna.me()
  site.clock.advance(HOUR)
  // The access token in the jar then names the key.
  await anna.refresh()
  site.clock.advance(HOUR)
  anna.forget()
  anna.jar.delete(DEVICE_COOKIE)
  return { site, anna: site.visitor(anna.jar) }
}

const signIn = (visitor: Visitor, headers: Record<string, string>): Promise<Answer> =>
  visitor.visit('POST', '/login', {
    headers,
    info: { required: true, optional: true },
    handler: async (session) => Response.json(await session.create({ userId: 'anna' })),
  })

it.each([
  ['endpoint', 'fetch-metadata', 'a form', FORM],
  ['endpoint', 'fetch-metadata', 'a script', {}],
  ['inline', 'fetch-metadata', 'a form', FORM],
  ['inline', 'token', 'a form', FORM],
  ['inline', 'token', 'a script', {}],
] as const)(
  'a browser that has lost its key signs in again: refresh %s, csrf %s, by %s',
  async (refresh, csrf, _by, headers) => {
    const { site, anna } = await openLost({ refresh, csrf })
    const ended = listen(site.sessions, 'ended')
    expect((await signIn(anna, headers)).status).toBe(200)
    expect(ended).toMatchObject([{ userId: 'anna', reason: 'device' }])
    expect((await anna.me()).status).toBe(200)
  },
)

it('the session without its key does not count against the limit of sessions', async () => {
  const limits = { sessionsPerUser: 1, onSessionLimit: 'reject' } as const
  const { anna } = await openLost({}, { limits })
  expect((await anna.login()).status).toBe(200)
})

it('where binding is required, a reauthentication restarts the ten minutes for older cookies, too', async () => {
  const site = await openSite({}, { deviceBinding: 'require' })
  const anna = site.visitor()
  await anna.login()
  site.clock.advance(590)
  const before = site.visitor(anna.jar.copy())
  const again = await anna.visit('POST', '/again', {
    handler: async (session) => Response.json(await session.reauthenticate()),
  })
  expect(again.status).toBe(200)
  site.clock.advance(15)
  expect((await before.refresh()).status).toBe(200)
  expect((await anna.refresh()).status).toBe(200)
})

it('a login that goes on to act still asks the browser to register', async () => {
  const site = await openSite({}, { deviceBinding: 'offer' })
  const { headers } = await site.visitor().visit('POST', '/login', {
    handler: async (session) => {
      await session.create({ userId: 'root' })
      return Response.json(await session.actAs({ userId: 'anna' }))
    },
  })
  expect(headers.get('secure-session-registration')).toMatch(
    /^\(ES256\);path="\/session\/device";challenge="pawl_d1_/,
  )
})
