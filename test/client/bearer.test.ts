import { describe, expect, it, vi } from 'vitest'
import { memoryTokens, type Tokens } from '../../src/client/index.ts'
import { defer, openWorld, until, type World } from './support/world.ts'

/** The `fetch` of an app without cookies. It records the `Authorization` header of each request. */
function recordingFetch(world: World): { fetch: typeof fetch; sent: (string | null)[] } {
  const sent: (string | null)[] = []
  return {
    sent,
    fetch: (input, init) => {
      const request = new Request(input, init)
      sent.push(request.headers.get('authorization'))
      expect(request.credentials).toBe('omit')
      expect(request.headers.get('pawl-transport')).toBe('bearer')
      return world.fetch(request)
    },
  }
}

describe('bearer mode', () => {
  it('signs in, refreshes and signs out without cookies', async () => {
    const world = await openWorld()
    const tokens = memoryTokens()
    const client = world.client({ tokens, fetch: recordingFetch(world).fetch })
    expect(await world.login(client)).toBe(true)
    const first = (await tokens.load())!
    world.expire()
    const responses = await Promise.all([
      client.fetch('/me'),
      client.fetch('/notes', { method: 'POST', body: 'x' }),
    ])
    expect(responses.map(({ status }) => status)).toStrictEqual([200, 200])
    expect(world.count('POST /session/refresh')).toBe(1)
    expect((await tokens.load())!.refreshToken).not.toBe(first.refreshToken)
    await client.signOut()
    expect(await tokens.load()).toBeNull()
    expect(world.jar.names).toStrictEqual([])
    expect(await world.sessions.list('anna')).toMatchObject([{ active: false }])
  })

  it('acts as another user with the refresh token that it has, and returns', async () => {
    const world = await openWorld()
    const tokens = memoryTokens()
    const client = world.client({ tokens, fetch: recordingFetch(world).fetch })
    await world.login(client)
    const { refreshToken } = (await tokens.load())!
    const who = async (): Promise<unknown> => (await client.fetch('/me')).json()
    const call = (path: string): Promise<boolean> =>
      client.signIn(async () => (await client.fetch(path, { method: 'POST', body: 'ben' })).json())
    expect(await call('/act')).toBe(true)
    expect((await tokens.load())!.refreshToken).toBe(refreshToken)
    expect(await who()).toMatchObject({ id: 'ben' })
    expect(await call('/stop')).toBe(true)
    expect(await who()).toMatchObject({ id: 'anna' })
  })

  it('keeps the tokens of an outdated session, which a corrected deployment accepts again', async () => {
    const world = await openWorld()
    const tokens = memoryTokens()
    const client = world.client({ tokens })
    await world.login(client)
    const kept = await tokens.load()
    world.expire()
    world.intercept.set('POST /session/refresh', () =>
      Response.json({ code: 'session_outdated', refresh: false }, { status: 401 }),
    )
    expect((await client.fetch('/me')).status).toBe(401)
    expect(client.session.status).toBe('signed-out')
    expect(await tokens.load()).toStrictEqual(kept)
    world.intercept.clear()
    expect((await world.client({ tokens }).fetch('/me')).status).toBe(200)
  })

  it('keeps a sign-in that finishes while the storage is still loading', async () => {
    const world = await openWorld()
    const disk = memoryTokens()
    const loading = defer()
    const slow = vi.fn(async () => {
      await loading.promise
      return null
    })
    let load: () => Promise<Tokens | null> = slow
    const client = world.client({
      tokens: { ...disk, load: () => load() },
      fetch: recordingFetch(world).fetch,
    })
    const early = client.fetch('/public')
    await until(() => expect(slow).toHaveBeenCalled())
    load = async () => disk.load()
    await world.login(client)
    loading.resolve()
    await early
    expect((await client.fetch('/me')).status).toBe(200)
    expect(client.session.status).toBe('signed-in')
    expect(await disk.load()).not.toBeNull()
  })

  it('saves new tokens before it uses them, so that a crash in between loses nothing', async () => {
    const world = await openWorld()
    const disk = memoryTokens()
    const { fetch, sent } = recordingFetch(world)
    await world.login(world.client({ tokens: disk, fetch }))
    world.expire()
    const saving = defer()
    const tokens = { ...disk, save: vi.fn(() => saving.promise) }
    const crashing = world.client({ tokens, fetch })
    void crashing.fetch('/me')
    await until(() => expect(tokens.save).toHaveBeenCalled())
    expect(world.count('GET /me')).toBe(1)
    // The crash: this client never continues. Another one starts with the saved tokens.
    const client = world.client({ tokens: disk, fetch })
    expect((await client.fetch('/me')).status).toBe(200)
    const used = `Bearer ${(await disk.load())!.accessToken}`
    expect(sent.at(-1)).toBe(used)
    expect(world.count('POST /session/refresh')).toBe(2)
  })

  it('keeps its tokens if the storage cannot save the new ones', async () => {
    const world = await openWorld()
    const disk = memoryTokens()
    const save = vi.fn(disk.save)
    const onProblem = vi.fn()
    const client = world.client({ tokens: { ...disk, save }, fetch: recordingFetch(world).fetch, onProblem })
    await world.login(client)
    world.expire()
    save.mockImplementationOnce(() => Promise.reject(new Error('the keychain is locked')))
    await expect(client.fetch('/me')).rejects.toThrow('the keychain is locked')
    expect(client.session.status).toBe('signed-in')
    expect(onProblem.mock.calls).toMatchObject([['storage-failed', { message: 'the keychain is locked' }]])
    expect((await client.fetch('/me')).status).toBe(200)
  })

  describe('with a storage that cannot be read', () => {
    const unreadable = (): never => {
      throw new Error('could not decrypt')
    }

    it('starts as unknown, reports it once, and can sign in and out', async () => {
      const world = await openWorld()
      const disk = memoryTokens()
      const load = vi.fn<() => Tokens | null | Promise<Tokens | null>>(unreadable)
      const clear = vi.fn(disk.clear)
      const onProblem = vi.fn()
      const client = world.client({ tokens: { ...disk, load, clear }, onProblem })
      expect(await client.check()).toStrictEqual({ status: 'unknown', user: null })
      await expect(client.fetch('/me')).rejects.toBeInstanceOf(TypeError)
      expect(world.log).toStrictEqual([])
      expect(clear).not.toHaveBeenCalled()
      expect(await world.login(client)).toBe(true)
      expect((await client.fetch('/me')).status).toBe(200)
      await client.signOut()
      expect([client.session.status, await disk.load()]).toStrictEqual(['signed-out', null])
      expect(onProblem.mock.calls).toStrictEqual([['storage-failed', new Error('could not decrypt')]])
    })

    it.each([
      ['without a user', {}],
      ['with a user', { user: async (fetch: typeof globalThis.fetch) => (await fetch('/me')).json() }],
    ])('reads it again at the next request, %s', async (_name, options) => {
      const world = await openWorld()
      const disk = memoryTokens()
      await world.login(world.client({ tokens: disk }))
      const load = vi.fn(disk.load).mockImplementation(unreadable)
      const clear = vi.fn(disk.clear)
      const client = world.client({ tokens: { ...disk, load, clear }, onProblem: () => {}, ...options })
      expect((await client.check()).status).toBe('unknown')
      await expect(client.fetch('/me')).rejects.toThrow('refresh failed')
      load.mockImplementation(disk.load)
      expect((await client.fetch('/me')).status).toBe(200)
      expect((await client.check()).status).toBe('signed-in')
      expect(clear).not.toHaveBeenCalled()
    })

    it('stays signed in if it had read the tokens before', async () => {
      const world = await openWorld()
      const disk = memoryTokens()
      const load = vi.fn(disk.load)
      const onProblem = vi.fn()
      const client = world.client({ tokens: { ...disk, load }, onProblem })
      await world.login(client)
      world.expire()
      load.mockImplementation(unreadable)
      for (let time = 0; time < 2; time++) await expect(client.fetch('/me')).rejects.toThrow('refresh failed')
      expect(client.session.status).toBe('signed-in')
      load.mockImplementation(disk.load)
      expect((await client.fetch('/me')).status).toBe(200)
      load.mockImplementation(unreadable)
      world.expire()
      await expect(client.fetch('/me')).rejects.toThrow('refresh failed')
      expect(onProblem).toHaveBeenCalledTimes(2)
    })

    it('cannot sign out before it has read the tokens: the server would not hear of it', async () => {
      const world = await openWorld()
      const disk = memoryTokens()
      await world.login(world.client({ tokens: disk }))
      const load = vi.fn(disk.load).mockImplementation(unreadable)
      const client = world.client({ tokens: { ...disk, load }, onProblem: () => {} })
      await expect(client.signOut()).rejects.toBeInstanceOf(TypeError)
      expect(client.session.status).toBe('unknown')
      load.mockImplementation(disk.load)
      await client.signOut()
      expect([client.session.status, await disk.load()]).toStrictEqual(['signed-out', null])
      expect(await world.sessions.list('anna')).toMatchObject([{ active: false }])
    })

    it.each<[string, unknown]>([
      ['text', 'damaged'],
      ['an object of something else', { user: 'anna' }],
      ['a list', []],
      ['tokens that no header can carry', { accessToken: '\ufffd\n', refreshToken: '\ufffd' }],
    ])('becomes signed out if the storage holds %s', async (_name, value) => {
      const world = await openWorld()
      const tokens = memoryTokens(value as Tokens)
      const client = world.client({ tokens })
      expect((await client.fetch('/me')).status).toBe(401)
      expect(client.session.status).toBe('signed-out')
      expect(await world.login(client)).toBe(true)
      expect((await client.fetch('/me')).status).toBe(200)
    })
  })

  it('keeps the tokens of a sign-in that overtakes a slow `clear`', async () => {
    const world = await openWorld()
    const disk = memoryTokens()
    const clearing = defer()
    const clear = async (): Promise<void> => {
      await clearing.promise
      disk.clear()
    }
    const client = world.client({ tokens: { ...disk, clear } })
    await world.login(client)
    await world.sessions.revokeUser('anna')
    const refused = client.fetch('/me')
    await until(() => expect(client.session.status).toBe('signed-out'))
    const login = world.login(client, 'bert')
    await until(() => expect(world.count('POST /login')).toBe(2))
    clearing.resolve()
    expect([(await refused).status, await login]).toStrictEqual([401, true])
    expect(await disk.load()).not.toBeNull()
    world.expire()
    expect(await (await client.fetch('/me')).json()).toMatchObject({ id: 'bert' })
  })

  it('does not sign in if the storage cannot save the tokens', async () => {
    const world = await openWorld()
    const disk = memoryTokens()
    const onProblem = vi.fn()
    const save = vi.fn(disk.save).mockRejectedValueOnce(new Error('full'))
    const client = world.client({ tokens: { ...disk, save }, onProblem })
    await expect(world.login(client)).rejects.toThrow('full')
    expect([client.session.status, onProblem.mock.calls]).toStrictEqual([
      'unknown',
      [['storage-failed', new Error('full')]],
    ])
    expect(await world.login(client)).toBe(true)
  })

  it('signs out although the storage cannot be cleared', async () => {
    const world = await openWorld()
    const disk = memoryTokens()
    const onProblem = vi.fn()
    const clear = vi.fn(() => Promise.reject(new Error('locked')))
    const client = world.client({ tokens: { ...disk, clear }, onProblem })
    await world.login(client)
    await client.signOut()
    expect(client.session.status).toBe('signed-out')
    await world.login(client)
    await world.sessions.revokeUser('anna')
    expect((await client.fetch('/me')).status).toBe(401)
    expect(client.session.status).toBe('signed-out')
    expect(onProblem).toHaveBeenCalledTimes(2)
  })

  it('keeps its refresh token if the server sends none', async () => {
    const world = await openWorld()
    const tokens = memoryTokens()
    const client = world.client({ tokens, fetch: recordingFetch(world).fetch })
    await world.login(client)
    world.expire()
    await client.fetch('/me')
    await client.fetch('/me')
    await world.sessions.flush()
    const before = (await tokens.load())!
    await client.check()
    const after = (await tokens.load())!
    expect(after.refreshToken).toBe(before.refreshToken)
    expect(after.accessToken).not.toBe(before.accessToken)
  })

  it('refreshes again after a lost response', async () => {
    const world = await openWorld()
    const client = world.client({ tokens: memoryTokens(), fetch: recordingFetch(world).fetch })
    await world.login(client)
    world.expire()
    world.intercept.set('POST /session/refresh', async (pass) => {
      await pass()
      throw new TypeError('the train entered a tunnel')
    })
    await expect(client.fetch('/me')).rejects.toThrow(TypeError)
    world.intercept.clear()
    expect((await client.fetch('/me')).status).toBe(200)
    expect(client.session.status).toBe('signed-in')
  })

  it('takes over the tokens that another client with the same storage has saved', async () => {
    const world = await openWorld()
    const tokens = memoryTokens()
    const { fetch } = recordingFetch(world)
    const [one, two] = [world.client({ tokens, fetch }), world.client({ tokens, fetch })]
    await world.login(one)
    await two.fetch('/me')
    world.expire()
    await one.fetch('/me')
    expect((await two.fetch('/me')).status).toBe(200)
    expect(world.count('POST /session/refresh')).toBe(1)
  })

  describe('with another client on the same storage', () => {
    /** Two clients that know the same tokens. The first refreshes, and its answer arrives when the test says so. */
    async function refreshLate(answer: (pass: () => Promise<Response>) => Response | Promise<Response>) {
      const world = await openWorld()
      const tokens = memoryTokens()
      const [one, two] = [world.client({ tokens }), world.client({ tokens })]
      await world.login(one)
      await two.fetch('/me')
      world.expire()
      const [sent, late] = [defer(), defer()]
      world.intercept.set('POST /session/refresh', async (pass) => {
        world.intercept.clear()
        const response = await answer(pass)
        sent.resolve()
        await late.promise
        return response
      })
      const response = one.fetch('/me')
      await sent.promise
      return { world, tokens, one, two, arrive: late.resolve, response }
    }

    it('keeps its newer tokens if the answer to a refresh arrives late', async () => {
      const { world, tokens, two, arrive, response } = await refreshLate((pass) => pass())
      expect((await two.fetch('/me')).status).toBe(200)
      const newer = await tokens.load()
      arrive()
      expect((await response).status).toBe(200)
      expect(await tokens.load()).toStrictEqual(newer)
      expect(world.count('POST /session/refresh')).toBe(2)
    })

    it('keeps its newer tokens if the late answer refuses the older ones', async () => {
      const { tokens, one, two, arrive, response } = await refreshLate(() =>
        Response.json({ code: 'refresh_token_reused', refresh: false }, { status: 401 }),
      )
      await two.fetch('/me')
      const newer = await tokens.load()
      arrive()
      expect((await response).status).toBe(200)
      expect([await tokens.load(), one.session.status]).toStrictEqual([newer, 'signed-in'])
    })

    it('stays signed out if the answer arrives after its sign-out', async () => {
      const { tokens, one, two, arrive, response } = await refreshLate((pass) => pass())
      await two.signOut()
      arrive()
      expect((await response).status).toBe(401)
      expect([await tokens.load(), one.session.status]).toStrictEqual([null, 'signed-out'])
    })
  })

  it('keeps the session if the server did not get the token of a request', async () => {
    const world = await openWorld()
    const tokens = memoryTokens()
    const client = world.client({ tokens })
    await world.login(client)
    const kept = await tokens.load()
    world.intercept.set('GET /me', (_pass, request) => {
      // A proxy removes the header.
      const headers = new Headers(request.headers)
      headers.delete('authorization')
      return fetch(new Request(request, { headers }))
    })
    const refused = await client.fetch('/me')
    expect([refused.status, await refused.json()]).toMatchObject([
      401,
      { code: 'not_signed_in', refresh: false },
    ])
    expect([client.session.status, await tokens.load()]).toStrictEqual(['signed-in', kept])
    world.intercept.clear()
    expect((await client.fetch('/me')).status).toBe(200)
    expect(world.count('POST /session/refresh')).toBe(0)
  })

  it('becomes signed out by the same answer to a request without a token', async () => {
    const world = await openWorld()
    const client = world.client({ tokens: memoryTokens() })
    expect((await client.fetch('/me')).status).toBe(401)
    expect(client.session.status).toBe('signed-out')
  })

  it('clears the tokens of a revoked session', async () => {
    const world = await openWorld()
    const tokens = memoryTokens()
    const client = world.client({ tokens, fetch: recordingFetch(world).fetch })
    await world.login(client)
    await world.sessions.revokeUser('anna')
    expect((await client.fetch('/me')).status).toBe(401)
    expect(client.session.status).toBe('signed-out')
    expect(await tokens.load()).toBeNull()
  })

  it('memoryTokens starts with the given tokens', () => {
    const tokens: Tokens = { accessToken: 'a', refreshToken: 'r' }
    expect(memoryTokens(tokens).load()).toBe(tokens)
  })
})
