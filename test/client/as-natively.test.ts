import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { attachFetch, createSessionClient, memoryTokens, type SessionClient } from '../../src/client/index.ts'
import { defer, json, openWorld, stubBrowser, type User, type World } from './support/world.ts'

const EXPIRED = { code: 'access_token_expired', refresh: true }

/** The members of a Request that an application can choose. */
function membersOf(request: Request): object {
  const { cache, credentials, integrity, keepalive, method, mode, redirect, referrer, referrerPolicy, url } =
    request
  const headers = Object.fromEntries(request.headers)
  return {
    cache,
    credentials,
    integrity,
    keepalive,
    method,
    mode,
    redirect,
    referrer,
    referrerPolicy,
    url,
    headers,
  }
}

describe('a request of client.fetch', () => {
  it.each<[string, RequestInit]>([
    ['cache', { cache: 'no-store' }],
    ['credentials: include', { credentials: 'include' }],
    ['credentials: omit', { credentials: 'omit' }],
    ['headers', { headers: { 'x-mine': '1', accept: 'text/csv' } }],
    ['integrity', { integrity: 'sha256-AAAA' }],
    ['keepalive', { keepalive: true }],
    ['method', { method: 'PATCH' }],
    ['mode', { mode: 'same-origin' }],
    ['redirect', { redirect: 'manual' }],
    ['referrer', { referrer: '' }],
    ['referrerPolicy', { referrerPolicy: 'no-referrer' }],
    ['a body', { method: 'POST', body: new URLSearchParams({ a: '1' }) }],
  ])('keeps %s of a Request, with and without an empty init', async (_name, members) => {
    const sent: Request[] = []
    const client = createSessionClient({
      baseUrl: 'https://api.example.com',
      fetch: async (input, init) => {
        sent.push(new Request(input, init))
        return json(200, {})
      },
    })
    const request = (): Request => new Request('https://api.example.com/notes?a=1#top', members)
    await client.fetch(request())
    await client.fetch(request(), {})
    await client.fetch('https://api.example.com/notes?a=1#top', members)
    // Cookies are the one thing that the session adds.
    const expected = { ...membersOf(request()), credentials: members.credentials ?? 'include' }
    expect(sent.map(membersOf)).toStrictEqual([expected, expected, expected])
    expect(await sent[1]!.text()).toBe(await request().text())
  })

  it('is repeated after a refresh by a `fetch` with classes of its own, as that of Expo', async () => {
    const world = await openWorld()
    const inputs: unknown[] = []
    const foreign: typeof fetch = async (input, init) => {
      if (typeof input !== 'string') throw new TypeError('takes no Request')
      inputs.push([input, init?.method])
      const { status, url, headers, body, ...response } = await world.fetch(input, init)
      const text = body === null ? '' : await new Response(body).text()
      return {
        ...response,
        ...{ status, url, headers, ok: status < 300, body: {}, text: async () => text },
        json: async () => JSON.parse(text),
        clone() {
          throw new Error('Not implemented')
        },
      } as unknown as Response
    }
    const client = world.client({ fetch: foreign })
    await world.login(client)
    world.expire()
    expect((await client.fetch('/notes', { method: 'POST', body: 'x' })).status).toBe(200)
    const url = (path: string): string => world.origin + path
    expect(inputs).toStrictEqual([
      [url('/login'), 'POST'],
      [url('/notes'), 'POST'],
      [url('/session/refresh'), 'POST'],
      [url('/notes'), 'POST'],
    ])
    await world.sessions.revokeUser('anna')
    expect(await (await client.fetch('/me')).json()).toStrictEqual({ code: 'session_ended', refresh: false })
    await world.login(client)
    await client.signOut()
    expect([client.session.status, world.jar.names]).toStrictEqual(['signed-out', []])
  })

  it('keeps what only this `fetch` knows of its init', async () => {
    const send = vi.fn(async () => json(200, {}))
    const client = createSessionClient({ baseUrl: 'https://api.example.com', fetch: send })
    await client.fetch('/notes', { next: { revalidate: 60 } } as RequestInit)
    expect(send.mock.calls).toMatchObject([['https://api.example.com/notes', { next: { revalidate: 60 } }]])
  })

  it('belongs to the page by its path alone where `Request` knows no page, as in jsdom', async () => {
    const origin = 'https://app.example.com'
    stubBrowser(origin)
    vi.stubGlobal('document', { baseURI: `${origin}/notes/` })
    const urls: unknown[] = []
    const client = createSessionClient({
      fetch: async (input) => {
        urls.push(input)
        return urls.length === 1 ? json(401, EXPIRED) : json(200, { expiresIn: 900 })
      },
    })
    expect((await client.fetch('mine')).status).toBe(200)
    client.close()
    expect(urls).toStrictEqual(['mine', `${origin}/session/refresh`, 'mine'])
  })

  it('uses up the body of a Request, as `fetch` does', async () => {
    const world = await openWorld()
    const client = world.client()
    const request = new Request(`${world.origin}/public`, { method: 'POST', body: 'x' })
    await client.fetch(request)
    expect(request.bodyUsed).toBe(true)
    await expect(client.fetch(request)).rejects.toThrow(TypeError)
  })

  it.each(['http://', 'https://user:password@api.example.com/me', 'http://[', '//'])(
    'is left to `fetch` if its URL is %s',
    async (url) => {
      const send = vi.fn(async () => json(200, {}))
      const client = createSessionClient({ baseUrl: 'https://api.example.com', fetch: send })
      const init = { method: 'POST', body: 'x' }
      await client.fetch(url, init)
      expect(send.mock.calls).toStrictEqual([[url, init]])
    },
  )

  it("says nothing about the session if it carries the application's own token", async () => {
    const world = await openWorld()
    const onProblem = vi.fn()
    const client = world.client({ onProblem })
    await world.login(client)
    const answer = await client.fetch('/me', { headers: { authorization: 'Bearer of-another-service' } })
    expect([answer.status, client.session.status]).toStrictEqual([401, 'signed-in'])
    expect([onProblem.mock.calls, world.count('POST /session/refresh')]).toStrictEqual([[], 0])
    expect((await client.fetch('/me', { headers: { authorization: 'Basic c3RhZ2luZzp4' } })).status).toBe(200)
  })

  it.each(['same-origin', undefined] as const)(
    'carries cookies to an API of another origin with credentials %s',
    async (credentials) => {
      const world = await openWorld()
      const client = world.client()
      await world.login(client)
      expect((await client.fetch('/me', credentials && { credentials })).status).toBe(200)
      expect(client.session.status).toBe('signed-in')
    },
  )
})

describe('a request that is aborted', () => {
  it('before it is sent rejects at once, and sends nothing', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    const signal = AbortSignal.abort(new Error('left the page'))
    await expect(client.fetch('/me', { signal })).rejects.toThrow('left the page')
    await expect(client.fetch(new Request(`${world.origin}/me`, { signal }))).rejects.toThrow('left the page')
    expect(world.log).toStrictEqual(['POST /login'])
  })

  it('by the signal of a Request that the init takes away goes on', async () => {
    const world = await openWorld()
    const request = new Request(`${world.origin}/public`, { signal: AbortSignal.abort() })
    expect((await world.client().fetch(request, { signal: null })).status).toBe(200)
  })

  it('rejects with an AbortError where signals have no reason', async () => {
    const world = await openWorld()
    const client = world.client()
    const sent = defer()
    world.intercept.set('GET /slow', () => {
      sent.resolve()
      return new Promise(() => {})
    })
    const controller = new AbortController()
    const { signal } = controller
    Object.defineProperty(signal, 'reason', { value: undefined })
    const answer = client.fetch('/slow', { signal })
    await sent.promise
    controller.abort()
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' })
    await expect(client.fetch('/slow', { signal })).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('a request with `keepalive`', () => {
  it('is sent at once although the access token is known to have expired', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 3_600_000)
    try {
      for (const input of ['/public', new Request(`${world.origin}/public`, { keepalive: true })])
        expect((await client.fetch(input, { keepalive: true })).status).toBe(200)
    } finally {
      vi.restoreAllMocks()
    }
    expect(world.log).toStrictEqual(['POST /login', 'GET /public', 'GET /public'])
  })

  it('is repeated after a refresh if the page is still there', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    expect((await client.fetch('/me', { keepalive: true })).status).toBe(200)
    expect(world.count('GET /me')).toBe(2)
  })
})

describe('the global fetch', () => {
  const native = globalThis.fetch
  afterEach(() => {
    globalThis.fetch = native
  })

  /** A page whose network is the world's. */
  async function openPage(): Promise<World> {
    const world = await openWorld()
    stubBrowser(world.origin)
    globalThis.fetch = world.fetch
    return world
  }

  /** A client that sends by the global `fetch`, unless it has an option. */
  function pageClient(world: World, options: { fetch?: typeof fetch } = {}): SessionClient<User> {
    const client = createSessionClient<User>({ baseUrl: world.origin, ...options })
    onTestFinished(() => client.close())
    return client
  }

  /** Replaces the global `fetch` as a mock does: it copies each request, and passes it on later. */
  function replaceFetch(change: (url: string) => string = (url) => url): string[] {
    const previous = globalThis.fetch
    const seen: string[] = []
    globalThis.fetch = async (input, init) => {
      const request = new Request(input, init)
      seen.push(`${request.method} ${new URL(request.url).pathname}`)
      await Promise.resolve()
      return previous(new Request(change(request.url), request))
    }
    return seen
  }

  it.each([false, true])(
    'may be replaced after the client was created; attachFetch: %s',
    async (attaches) => {
      const world = await openPage()
      const client = pageClient(world)
      if (attaches) attachFetch(client)
      globalThis.fetch = async () => json(200, { mocked: true })
      expect(await (await client.fetch('/me')).json()).toStrictEqual({ mocked: true })
      expect(await (await fetch('/me')).json()).toStrictEqual({ mocked: true })
    },
  )

  it.each<[string, (world: World) => Partial<{ fetch: typeof fetch }>]>([
    ['none', () => ({})],
    ['the global one, looked up late', () => ({ fetch: (input, init) => globalThis.fetch(input, init) })],
    [
      'one that waits before it calls the global one',
      () => ({
        fetch: async (input, init) => {
          await Promise.resolve()
          return globalThis.fetch(input, init)
        },
      }),
    ],
    [
      'one that copies the request later',
      () => ({
        fetch: async (input, init) => {
          const request = new Request(input, init)
          await Promise.resolve()
          return globalThis.fetch(request)
        },
      }),
    ],
    ['its own', (world) => ({ fetch: world.fetch })],
  ])('attached does not call itself; `fetch` option: %s', async (_name, option) => {
    const world = await openPage()
    const client = pageClient(world, option(world))
    const detach = attachFetch(client)
    await world.login(client)
    world.expire()
    const answers = await Promise.all([
      fetch(`${world.origin}/me`),
      client.fetch('/me'),
      fetch(`${world.origin}/notes`),
    ])
    expect(answers.map(({ status }) => status)).toStrictEqual([200, 200, 200])
    expect([world.count('POST /session/refresh'), world.count('GET /me')]).toStrictEqual([1, 4])
    detach()
    world.expire()
    expect((await fetch(`${world.origin}/me`)).status).toBe(401)
  })

  it.each(['before', 'after'])('replaced %s attachFetch by what passes requests on later', async (when) => {
    const world = await openPage()
    const client = pageClient(world)
    let seen: string[] = []
    if (when === 'before') seen = replaceFetch()
    const detach = attachFetch(client)
    if (when === 'after') seen = replaceFetch()
    await world.login(client)
    world.expire()
    const direct = await client.fetch('/me')
    world.expire()
    const page = await fetch(`${world.origin}/notes`, { method: 'POST', body: 'x' })
    expect([direct.status, page.status]).toStrictEqual([200, 200])
    expect(world.log).toStrictEqual([
      'POST /login',
      ...['GET /me', 'POST /session/refresh', 'GET /me'],
      ...['POST /notes', 'POST /session/refresh', 'POST /notes'],
    ])
    // What the page sends has come by already. The repetition goes out below.
    expect(seen).toStrictEqual(when === 'before' ? world.log : world.log.slice(0, -1))
    detach()
  })

  it('replaced after attachFetch by what adds to the query ends all the same', async () => {
    const world = await openPage()
    const client = pageClient(world)
    attachFetch(client)
    replaceFetch((url) => `${url}?time=1`)
    await world.login(client)
    expect((await client.fetch('/public')).status).toBe(200)
    await client.signOut()
    expect(client.session.status).toBe('signed-out')
  })

  it.each<[string, boolean, (world: World) => Partial<{ fetch: typeof fetch }>]>([
    ['the page', false, () => ({})],
    ['the client', true, () => ({})],
    ['the client with a `fetch` option', true, (world) => ({ fetch: world.fetch })],
  ])(
    'attached sends a request of the page with the session while %s waits for the same path',
    async (_who, direct, option) => {
      const world = await openPage()
      const client = pageClient(world, option(world))
      const detach = attachFetch(client)
      await world.login(client)
      world.expire()
      const [arrived, gate] = [defer(), defer()]
      world.intercept.set('GET /me', async (pass) => {
        world.intercept.clear()
        arrived.resolve()
        await gate.promise
        return pass()
      })
      const first = direct ? client.fetch('/me') : fetch(`${world.origin}/me`)
      await arrived.promise
      const posted = await fetch(`${world.origin}/me`, { method: 'POST', body: 'x' })
      const second = await fetch(`${world.origin}/me`)
      gate.resolve()
      expect([(await first).status, posted.status, second.status]).toStrictEqual([200, 200, 200])
      detach()
    },
  )

  it('attached twice, as hot reloading does, refreshes once', async () => {
    const world = await openPage()
    const [one, two] = [pageClient(world), pageClient(world)]
    attachFetch(one)
    const detach = attachFetch(two)
    await world.login(two)
    world.expire()
    expect((await fetch(`${world.origin}/me`)).status).toBe(200)
    expect((await one.fetch('/me')).status).toBe(200)
    expect(world.count('POST /session/refresh')).toBe(1)
    detach()
  })

  it('keeps what replaced it when the client is detached', async () => {
    const world = await openPage()
    const detach = attachFetch(pageClient(world))
    const seen = replaceFetch()
    detach()
    expect((await fetch(`${world.origin}/me`)).status).toBe(401)
    expect([seen, world.log]).toStrictEqual([['GET /me'], ['GET /me']])
  })

  it.each(['http://', 'https://user:password@api.example.com/me'])(
    'attached leaves %s to the original',
    async (url) => {
      const world = await openPage()
      const original = vi.fn(native)
      globalThis.fetch = original
      attachFetch(pageClient(world))
      const init = { method: 'POST', body: 'secret' }
      await expect(fetch(url, init)).rejects.toThrow(TypeError)
      expect(original.mock.calls).toStrictEqual([[url, init]])
    },
  )
})

describe('the base URL', () => {
  it('is the origin of the parent in a frame with srcdoc', async () => {
    const world = await openWorld()
    vi.stubGlobal('origin', world.origin)
    vi.stubGlobal('location', { origin: 'null', href: 'about:srcdoc' })
    try {
      const client = createSessionClient({ fetch: world.fetch })
      expect(client.hooks.covers(`${world.origin}/me`)).toBe(true)
      client.close()
    } finally {
      vi.unstubAllGlobals()
    }
  })

  it.each([
    ['without a page', {}],
    ['in a sandboxed frame', { origin: 'null', location: { origin: 'null' } }],
  ])('is needed %s', async (_name, globals) => {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
    try {
      const create = async (): Promise<unknown> =>
        createSessionClient({ tokens: memoryTokens(), fetch: async () => json(401, EXPIRED) }).fetch('/me')
      await expect(create()).rejects.toThrow('Set `baseUrl`: no page gives an origin')
    } finally {
      vi.unstubAllGlobals()
    }
  })
})
