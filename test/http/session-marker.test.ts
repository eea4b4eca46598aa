import { describe, expect, it } from 'vitest'
import { type Answer, type Handler, openSite } from '../support/http-site.ts'

const actAs: Handler = async (session) => Response.json(await session.actAs({ userId: 'user' }))
const stopActing: Handler = async (session) => Response.json(await session.stopActing())
const reauthenticate: Handler = async (session) => Response.json(await session.reauthenticate())

const markerIn = ({ body }: Answer): unknown => (body as { marker?: unknown }).marker

describe('the marker in the answers of the cookie mode', () => {
  it('stays the same for the life of a session and differs for each sign-in', async () => {
    const { visitor, sessions, clock } = await openSite()
    const anna = visitor()
    const marker = markerIn(await anna.login())
    expect(marker).toMatch(/^[\w-]{8}$/)
    for (let turn = 0; turn < 3; turn++) {
      clock.advance(900)
      expect(markerIn(await anna.refresh())).toBe(marker)
      expect((await anna.me()).status).toBe(200)
    }
    expect(markerIn(await anna.visit('POST', '/confirm', { handler: reauthenticate }))).toBe(marker)
    // Nothing that the id shows in another place.
    const [{ sessionId } = { sessionId: '' }] = await sessions.list('anna')
    expect(sessionId).not.toContain(marker)
    expect(Buffer.from(sessionId.replaceAll('-', ''), 'hex').toString('base64url')).not.toContain(marker)

    const again = markerIn(await anna.login())
    const elsewhere = markerIn(await visitor().login())
    expect(new Set([marker, again, elsewhere]).size).toBe(3)
  })

  it('differs while an administrator acts as another user, and returns with the administrator', async () => {
    const { visitor, clock } = await openSite()
    const root = visitor()
    const own = markerIn(await root.login({ userId: 'root' }))
    const acting = markerIn(await root.visit('POST', '/act', { handler: actAs }))
    expect(acting).toMatch(/^[\w-]{8}$/)
    expect(acting).not.toBe(own)
    clock.advance(600)
    expect(markerIn(await root.refresh())).toBe(acting)
    expect(markerIn(await root.visit('POST', '/stop', { handler: stopActing }))).toBe(own)
    expect(markerIn(await root.refresh())).toBe(own)
  })
})
