import { fetchSessions } from 'pawl/fetch'
import { openSessions, visit } from './visit.js'

/** A visit to an application without a framework, for peers that are none. */
export async function visitWith(options) {
  const withSession = fetchSessions(await openSessions(options))
  await visit((request) => {
    if (new URL(request.url).pathname === '/me')
      return withSession(request, ({ userId, claims }) => Response.json({ userId, role: claims.role }), {
        required: true,
      })
    return withSession(request, async (session) =>
      Response.json(await session.create({ userId: 'anna', claims: { role: 'admin' } })),
    )
  })
}
