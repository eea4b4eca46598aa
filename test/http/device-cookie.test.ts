import { expect, it } from 'vitest'
import { type Answer, openSite, type Site, type Visitor } from '../support/http-site.ts'

const DEVICE = '__Host-pawl-device'
const GONE = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax'

// While it has the cookie, the browser neither binds the next session nor learns that its session has ended.
it.each<[string, (anna: Visitor, site: Site) => Promise<Answer>]>([
  ['a login', (anna) => anna.login()],
  ['a logout', (anna) => anna.logout()],
  [
    'a logout by the application',
    (anna) =>
      anna.visit('POST', '/leave', { handler: async (session) => Response.json(await session.revoke()) }),
  ],
  [
    'a refresh of an ended session',
    async (anna, { sessions }) => {
      await sessions.revokeUser('anna')
      return anna.refresh()
    },
  ],
])('%s removes the device cookie', async (_name, act) => {
  const site = await openSite()
  const anna = site.visitor()
  await anna.login()
  anna.jar.put(DEVICE, 'x')
  expect((await act(anna, site)).cookies).toContain(`${DEVICE}=; Path=/; ${GONE}`)
  expect(anna.jar.get(DEVICE)).toBeUndefined()
})
