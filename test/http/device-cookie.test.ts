import { expect, it } from 'vitest'
import { type Answer, openSite, type Site, type Visitor } from '../support/http-site.ts'

const DEVICE = '__Host-pawl-device'
const ATTRIBUTES = 'HttpOnly; Secure; SameSite=Lax'
const GONE = `${DEVICE}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; ${ATTRIBUTES}`
/** Lets the browser ask the device route once more. */
const SIGNED_OUT = `${DEVICE}=signed-out; Path=/; Expires=Tue, 01 Jan 2030 12:01:00 GMT; Max-Age=60; ${ATTRIBUTES}`

// While it has the cookie, the browser neither binds the next session nor learns that its session has ended.
it.each<[string, string, (anna: Visitor, site: Site) => Promise<Answer>]>([
  ['a login', GONE, (anna) => anna.login()],
  ['a logout', SIGNED_OUT, (anna) => anna.logout()],
  [
    'a logout by the application',
    SIGNED_OUT,
    (anna) =>
      anna.visit('POST', '/leave', { handler: async (session) => Response.json(await session.revoke()) }),
  ],
  [
    'a refresh of an ended session',
    SIGNED_OUT,
    async (anna, { sessions }) => {
      await sessions.revokeUser('anna')
      return anna.refresh()
    },
  ],
])('%s takes the device cookie away', async (_name, cookie, act) => {
  const site = await openSite()
  const anna = site.visitor()
  await anna.login()
  anna.jar.put(DEVICE, 'x')
  expect((await act(anna, site)).cookies).toContain(cookie)
})
