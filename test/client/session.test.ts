import { describe, expect, it, vi } from 'vitest'
import { defer, json, openWorld, until } from './support/world.ts'

describe('the session state', () => {
  it('is unknown until the first check, and includes the user if there is a `user` option', async () => {
    const world = await openWorld()
    await world.login(world.client())
    const user = vi.fn(async (fetch: typeof globalThis.fetch) => {
      const response = await fetch('/me')
      if (response.status === 401) return null
      if (!response.ok) throw new Error(`/me answered ${response.status}`)
      return { id: ((await response.json()) as { id: string }).id }
    })
    const client = world.client({ user })
    const changes: unknown[] = []
    const unsubscribe = client.onChange((session) => changes.push(session))
    expect(client.session).toStrictEqual({ status: 'unknown', user: null })
    world.expire()
    expect(await client.check()).toStrictEqual({ status: 'signed-in', user: { id: 'anna' } })
    expect(client.session).toBe(client.session)
    await client.signOut()
    unsubscribe()
    await world.login(client, 'bert')
    expect(client.session.user).toStrictEqual({ id: 'bert' })
    expect(changes).toStrictEqual([
      { status: 'signed-in', user: { id: 'anna' } },
      { status: 'signed-out', user: null },
    ])
    expect(user).toHaveBeenCalledTimes(2)
  })

  it('does not change if the `user` option fails', async () => {
    const world = await openWorld()
    const onProblem = vi.fn()
    const client = world.client({ onProblem, user: () => Promise.reject(new Error('503')) })
    expect((await client.check()).status).toBe('unknown')
    await world.login(client)
    expect(client.session).toStrictEqual({ status: 'signed-in', user: null })
    expect(onProblem.mock.calls.map(([problem]) => problem)).toStrictEqual(['user-failed', 'user-failed'])
  })

  it.each(['with', 'without'])(
    'does not change by a check without a network, %s the `user` option',
    async (user) => {
      const world = await openWorld()
      const client = world.client({
        onProblem: () => {},
        ...(user === 'with' && { user: async (fetch) => (await fetch('/me')).json() }),
      })
      world.intercept.set('GET /me', () => Promise.reject(new TypeError('offline')))
      world.intercept.set('POST /session/refresh', () => Promise.reject(new TypeError('offline')))
      expect(await client.check()).toStrictEqual({ status: 'unknown', user: null })
      world.intercept.clear()
      await world.login(client)
      world.intercept.set('GET /me', () => json(503, { code: 'unavailable' }))
      world.intercept.set('POST /session/refresh', () => json(503, { code: 'unavailable' }))
      expect((await client.check()).status).toBe('signed-in')
    },
  )

  it('does not show the previous user after a new sign-in if the `user` option fails', async () => {
    const world = await openWorld()
    let fails = false
    const user = async (): Promise<{ id: string }> => {
      if (fails) throw new Error('503')
      return { id: 'anna' }
    }
    const client = world.client({ onProblem: () => {}, user })
    await world.login(client)
    expect(client.session.user).toStrictEqual({ id: 'anna' })
    fails = true
    await world.login(client, 'bob')
    expect(client.session).toStrictEqual({ status: 'signed-in', user: null })
  })

  it('becomes signed-out if the server says that the session has ended', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    await world.sessions.revokeUser('anna')
    const answer = await client.fetch('/me')
    expect(await answer.json()).toStrictEqual({ code: 'session_ended', refresh: false })
    expect(client.session.status).toBe('signed-out')
    expect(world.count('POST /session/refresh')).toBe(0)
  })

  it('becomes signed-out if a refresh finds that the session has ended', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.clock.advance(90 * 86_400)
    expect((await client.fetch('/me')).status).toBe(401)
    expect(client.session.status).toBe('signed-out')
    expect(world.jar.names).toStrictEqual([])
  })

  it('does not become signed-out by a late response to a request sent before a login', async () => {
    const world = await openWorld()
    const client = world.client()
    const late = defer()
    world.intercept.set('GET /me', async (pass) => {
      const response = await pass()
      await late.promise
      return response
    })
    const slow = client.fetch('/me')
    await until(() => expect(world.count('GET /me')).toBe(1))
    await world.login(client)
    late.resolve()
    expect((await slow).status).toBe(401)
    expect(client.session.status).toBe('signed-in')
  })
})

describe('signing in and out', () => {
  it('a refused login does not change the session', async () => {
    const world = await openWorld()
    const client = world.client()
    expect(await world.login(client, 'wrong')).toBe(false)
    expect(client.session.status).toBe('unknown')
  })

  it('a login waits for the refresh under way', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const late = defer()
    world.intercept.set('POST /session/refresh', async (pass) => {
      await late.promise
      return pass()
    })
    const first = client.fetch('/me')
    await until(() => expect(world.count('GET /me')).toBe(1))
    const login = world.login(client, 'bert')
    late.resolve()
    await Promise.all([first, login])
    expect(world.log.indexOf('POST /session/refresh')).toBeLessThan(world.log.lastIndexOf('POST /login'))
    expect(await (await client.fetch('/me')).json()).toMatchObject({ id: 'bert' })
  })

  it('a request whose token expires during a login is not repeated: another user may sign in', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const late = defer()
    const expired = defer()
    world.intercept.set('GET /me', async (pass) => {
      world.intercept.clear()
      const response = await pass()
      expired.resolve()
      await late.promise
      return response
    })
    const slow = client.fetch('/me')
    await expired.promise
    const login = client.signIn(async () => {
      late.resolve()
      return (await client.fetch('/login', { method: 'POST', body: 'anna' })).json()
    })
    expect([(await slow).status, await login]).toStrictEqual([401, true])
    expect(world.count('POST /session/refresh')).toBe(0)
  })

  it('a login that gets a 401 itself does not wait for itself', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    expect(await client.signIn(async () => ((await client.fetch('/me')).ok ? {} : null))).toBe(false)
    expect((await client.fetch('/me')).status).toBe(200)
  })

  it('a login may sign the previous user out first, and ask who is signed in', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    const during: string[] = []
    const signedIn = await client.signIn(async () => {
      await client.signOut()
      during.push((await client.check()).status)
      return (await client.fetch('/login', { method: 'POST', body: 'bert' })).json()
    })
    expect([signedIn, during, client.session.status]).toStrictEqual([true, ['signed-out'], 'signed-in'])
    expect(await (await client.fetch('/me')).json()).toMatchObject({ id: 'bert' })
    expect(await world.sessions.list('anna', { active: true })).toStrictEqual([])
  })

  it('a sign-out during a login of somebody else ends the new session too', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    const [arrived, login, logout] = [defer(), defer(), defer()]
    world.intercept.set('POST /login', async (pass) => {
      arrived.resolve()
      await login.promise
      return pass()
    })
    world.intercept.set('POST /session/logout', async (pass) => {
      world.intercept.delete('POST /session/logout')
      const response = await pass()
      await logout.promise
      return response
    })
    const signingIn = world.login(client, 'bert')
    await arrived.promise
    const signingOut = client.signOut()
    await until(() => expect(world.count('POST /session/logout')).toBe(1))
    login.resolve()
    await signingIn
    logout.resolve()
    await signingOut
    expect([client.session.status, world.jar.names]).toStrictEqual(['signed-out', []])
    expect(await world.sessions.list('bert', { active: true })).toStrictEqual([])
  })

  it('a sign-out that the server does not confirm rejects, and the user stays signed in', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.intercept.set('POST /session/logout', () => Promise.reject(new TypeError('offline')))
    await expect(client.signOut()).rejects.toThrow(TypeError)
    world.intercept.set('POST /session/logout', () => json(503, { code: 'unavailable' }))
    await expect(client.signOut()).rejects.toMatchObject({ response: { status: 503 } })
    // The sign-in page of a public network.
    world.intercept.set('POST /session/logout', () => new Response('Welcome'))
    await expect(client.signOut()).rejects.toMatchObject({ response: { status: 200 } })
    expect(client.session.status).toBe('signed-in')
    world.intercept.clear()
    await client.signOut()
    expect(client.session.status).toBe('signed-out')
    expect(world.jar.names).toStrictEqual([])
  })
})

describe('blocked cookies', () => {
  it('are reported once if a refresh has no effect, and cause no loop', async () => {
    const world = await openWorld()
    const onProblem = vi.fn()
    const client = world.client({ onProblem })
    await world.login(client)
    await client.fetch('/me')
    world.expire()
    vi.spyOn(world.jar, 'store').mockImplementation(() => {})
    const answers = [await client.fetch('/me'), await client.fetch('/me'), await client.fetch('/me')]
    expect(answers.map(({ status }) => status)).toStrictEqual([401, 401, 401])
    expect(onProblem.mock.calls).toStrictEqual([['cookies-blocked']])
    expect(world.count('POST /session/refresh')).toBe(1)
    expect(world.count('GET /me')).toBe(5)
  })

  it('are not reported if the claims changed before the first request after a refresh', async () => {
    const world = await openWorld()
    const onProblem = vi.fn()
    const client = world.client({ onProblem })
    await world.login(client)
    await client.check()
    const [session] = await world.sessions.list('anna')
    await world.sessions.expireAccessTokens(session!.sessionId)
    expect((await client.fetch('/me')).status).toBe(200)
    expect(onProblem).not.toHaveBeenCalled()
  })

  it('are not reported for a request after a sign-out', async () => {
    const world = await openWorld()
    const onProblem = vi.fn()
    const client = world.client({ onProblem })
    await world.login(client)
    await client.signOut()
    expect((await client.fetch('/me')).status).toBe(401)
    expect(onProblem).not.toHaveBeenCalled()
  })

  it('are reported if a login is followed by "not signed in"', async () => {
    const world = await openWorld()
    const onProblem = vi.fn()
    const client = world.client({ onProblem })
    vi.spyOn(world.jar, 'store').mockImplementation(() => {})
    await world.login(client)
    expect((await client.fetch('/me')).status).toBe(401)
    expect(onProblem.mock.calls).toStrictEqual([['cookies-blocked']])
    expect(client.session.status).toBe('signed-out')
  })
})

describe('the CSRF token', () => {
  it('is sent with unsafe requests; a reloaded page gets it by a refresh', async () => {
    const world = await openWorld({ csrf: 'token' })
    const first = world.client({ csrf: true })
    await world.login(first)
    expect((await first.fetch('/notes', { method: 'POST' })).status).toBe(200)
    const client = world.client({ csrf: true })
    const [got, posted] = [await client.fetch('/me'), await client.fetch('/notes', { method: 'POST' })]
    expect((await got.json()).csrf).toBeUndefined()
    expect((await posted.json()).csrf).toEqual(expect.any(String))
    expect(world.count('POST /session/refresh')).toBe(2)
    await client.signOut()
    expect(client.session.status).toBe('signed-out')
  })

  it('is sent with safe requests too, once it is known', async () => {
    const world = await openWorld({ csrf: 'token' })
    const client = world.client({ csrf: true })
    await world.login(client)
    expect((await (await client.fetch('/me')).json()).csrf).toEqual(expect.any(String))
    const without = world.client()
    await world.login(without)
    expect((await (await without.fetch('/me')).json()).csrf).toBeUndefined()
  })

  it('of a session that a login elsewhere has replaced fails one login at most', async () => {
    const world = await openWorld({ csrf: 'token' })
    const [client, other] = [world.client({ csrf: true }), world.client({ csrf: true })]
    await world.login(client)
    await world.login(other, 'bert')
    const logins = [await world.login(client, 'carl'), await world.login(client, 'carl')]
    expect([logins, client.session.status]).toStrictEqual([[false, true], 'signed-in'])
  })

  it('of another session is replaced by a refresh', async () => {
    const world = await openWorld({ csrf: 'token' })
    await world.login(world.client({ csrf: true }))
    const client = world.client({ csrf: 'of-a-cached-page' })
    expect((await client.fetch('/notes', { method: 'POST' })).status).toBe(200)
    expect([world.count('POST /notes'), world.count('POST /session/refresh')]).toStrictEqual([2, 2])
  })
})
