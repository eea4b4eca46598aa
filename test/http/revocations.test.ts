import { expect, it } from 'vitest'
import { type HttpOptions, nodeSessions } from '../../src/adapters/node/index.ts'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { decodeRevocations, type RevocationList } from '../../src/wire/revocations.ts'
import { coded } from '../support/errors.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { describeAdapters } from '../support/http-adapters.ts'
import { openSessions, openWithClock } from '../support/sessions.ts'

interface Opened {
  readonly sessions: Sessions
  readonly clock: FakeClock
  ask(init?: RequestInit, path?: string): Promise<Response>
  list(): Promise<RevocationList>
}

describeAdapters('the list of revocations', (adapter) => {
  async function open(
    http: HttpOptions = { revocations: true },
    options: Partial<SessionsOptions> = {},
  ): Promise<Opened> {
    const { sessions, clock } = await openWithClock({ keys: { algorithm: 'EdDSA' }, ...options })
    const { port } = await adapter.listen(sessions, http)
    const ask: Opened['ask'] = (init, path = '/session/revocations') =>
      fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init })
    return {
      sessions,
      clock,
      ask,
      list: async () => decodeRevocations(new Uint8Array(await (await ask()).arrayBuffer()))!,
    }
  }

  it('is not served without the option `revocations`', async () => {
    const { ask } = await open({})
    expect((await ask()).status).toBe(404)
  })

  it('holds 12 bytes for each ended or changed session', async () => {
    const { sessions, ask, clock } = await open()
    const [ended, changed, alive] = await Promise.all(
      ['anna', 'bert', 'cora'].map(async (userId) => (await sessions.create({ userId })).session.sessionId),
    )
    await sessions.revoke(ended!, 'logout')
    await sessions.setClaims(changed!, { role: 'admin' })
    clock.advance(1)
    const response = await ask()
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'cache-control': 'public, max-age=1, must-revalidate',
      etag: expect.stringMatching(/^"[\w-]{22}"$/),
      'x-content-type-options': 'nosniff',
    })
    expect(response.headers.get('set-cookie')).toBeNull()
    const body = new Uint8Array(await response.arrayBuffer())
    expect(body).toHaveLength(16 + 2 * 12)
    const list = decodeRevocations(body)!
    expect([list.lifetime, list.refreshBefore]).toStrictEqual([900, 0])
    expect([ended, changed, alive].map((id) => list.get(id!))).toStrictEqual([-1, 2, 0])
  })

  it('gets 304 if it has not changed', async () => {
    const { sessions, ask, clock } = await open()
    const etag = (await ask()).headers.get('etag')!
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await ask({ headers: { 'if-none-match': tag } })
      expect([again.status, await again.text(), again.headers.get('etag')]).toStrictEqual([304, '', etag])
      expect(again.headers.get('cache-control')).toBe('public, max-age=1, must-revalidate')
    }
    for (const tag of ['"other"', '*x', etag.slice(1, -1)])
      expect((await ask({ headers: { 'if-none-match': tag } })).status).toBe(200)
    const { session } = await sessions.create({ userId: 'anna' })
    await sessions.revoke(session.sessionId)
    clock.advance(1)
    const changed = await ask({ headers: { 'if-none-match': etag } })
    expect(changed.status).toBe(200)
    expect(changed.headers.get('etag')).not.toBe(etag)
  })

  it('is computed at most once a second', async () => {
    const { sessions, list, clock } = await open()
    const { session } = await sessions.create({ userId: 'anna' })
    expect((await list()).get(session.sessionId)).toBe(0)
    await sessions.revoke(session.sessionId)
    clock.advance(0.999)
    expect((await list()).get(session.sessionId)).toBe(0)
    clock.advance(0.001)
    expect((await list()).get(session.sessionId)).toBe(-2)
  })

  it('answers HEAD without a body, and other methods with 405', async () => {
    const { ask } = await open()
    const head = await ask({ method: 'HEAD' })
    expect([head.status, await head.text()]).toStrictEqual([200, ''])
    expect(head.headers.get('etag')).toBe((await ask()).headers.get('etag'))
    const post = await ask({ method: 'POST', headers: { 'sec-fetch-site': 'same-origin' } })
    expect([post.status, post.headers.get('allow')]).toStrictEqual([405, 'GET, HEAD'])
  })

  it('follows the option `path`', async () => {
    const { ask } = await open({ revocations: true, path: '/auth' })
    expect((await ask()).status).toBe(404)
    expect((await ask({}, '/auth/revocations?x=1')).status).toBe(200)
  })

  it('gets 503 if the feed of the process is stale', async () => {
    const { ask, clock } = await open({ revocations: true }, { revocation: { pollInterval: 60 } })
    // The start has finished when this response arrives.
    expect((await ask()).status).toBe(200)
    clock.advance(121)
    const response = await ask()
    expect([response.status, await response.json()]).toStrictEqual([503, { code: 'unavailable' }])
    expect(response.headers.get('retry-after')).toBe('5')
    expect(response.headers.get('cache-control')).toBe('private, no-store')
  })
})

it('the option `revocations` is rejected without a feed', async () => {
  const sessions = await openSessions({ revocation: { mode: 'expiry' } })
  expect(() => nodeSessions(sessions, { revocations: true })).toThrow(
    coded('ERR_INVALID_OPTIONS', { option: 'revocations' }) as Error,
  )
  expect(() => nodeSessions(sessions, { revocations: false })).not.toThrow()
})
