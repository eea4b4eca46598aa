import { describe, expect, it, vi } from 'vitest'
import { attachFetch } from '../../src/client/index.ts'
import { defer, json, openWorld, stubBrowser, until } from './support/world.ts'

const EXPIRED = { code: 'access_token_expired', refresh: true }

describe('a request with an expired access token', () => {
  it('is repeated after a refresh that concurrent requests share', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => client.fetch('/me')))
    expect(answers.map(({ status }) => status)).toStrictEqual([200, 200, 200, 200, 200])
    expect(world.count('POST /session/refresh')).toBe(1)
    expect(world.count('GET /me')).toBe(10)
    expect(client.session.status).toBe('signed-in')
  })

  it('is sent after a refresh if the known lifetime of the token has elapsed', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const later = performance.now() + 3_600_000
    vi.spyOn(performance, 'now').mockReturnValue(later)
    vi.spyOn(Date, 'now').mockReturnValue(0)
    try {
      expect((await client.fetch('/me')).status).toBe(200)
    } finally {
      vi.restoreAllMocks()
    }
    expect(world.log).toStrictEqual(['POST /login', 'POST /session/refresh', 'GET /me'])
  })

  it('is not repeated if it was redirected and only the target of the redirect was refused', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    let done = 0
    const redirected = (): Response => {
      done++
      return Object.defineProperty(json(401, EXPIRED), 'redirected', { value: true })
    }
    world.intercept.set('POST /upgrade', redirected)
    world.intercept.set('GET /old', (pass) => (done++ === 1 ? redirected() : pass()))
    expect((await client.fetch('/upgrade', { method: 'POST' })).status).toBe(401)
    expect([done, world.count('POST /session/refresh')]).toStrictEqual([1, 1])
    expect((await client.fetch('/old')).status).toBe(200)
    expect(client.session.status).toBe('signed-in')
  })

  it('is sent after a refresh if it is a HEAD, because the response has no body with the reason', async () => {
    const world = await openWorld()
    await world.login(world.client())
    world.expire()
    // A reloaded page does not know when the token expires.
    expect((await world.client().fetch('/me', { method: 'HEAD' })).status).toBe(200)
    expect(world.count('POST /session/refresh')).toBe(1)
  })

  it('does not change the session if the application sent it without credentials', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.intercept.set('GET /probe', () => json(401, { code: 'not_signed_in', refresh: false }))
    expect((await client.fetch('/probe', { credentials: 'omit' })).status).toBe(401)
    expect(client.session.status).toBe('signed-in')
  })

  it.each<[string, () => BodyInit]>([
    ['text', () => 'note'],
    ['a blob', () => new Blob(['note'])],
    ['bytes', () => new TextEncoder().encode('note')],
    ['a form', () => new URLSearchParams('note')],
  ])('is repeated with its body: %s', async (_name, body) => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const answer = await client.fetch('/notes', { method: 'POST', body: body() })
    expect(await answer.json()).toMatchObject({ id: 'anna', body: expect.stringMatching(/^note=?$/) })
    expect(world.count('POST /notes')).toBe(2)
  })

  it('is repeated with the body of a Request', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const answer = await client.fetch(new Request(`${world.origin}/notes`, { method: 'POST', body: 'note' }))
    expect(await answer.json()).toMatchObject({ body: 'note' })
  })

  it('is sent after a refresh if its body is a stream and the expiry of the token is unknown', async () => {
    const world = await openWorld()
    await world.login(world.client())
    const client = world.client()
    world.expire()
    expect((await client.fetch('/notes', stream())).status).toBe(200)
    expect((await client.fetch('/notes', stream())).status).toBe(200)
    expect(world.log).toStrictEqual(['POST /login', 'POST /session/refresh', 'POST /notes', 'POST /notes'])
  })

  it('returns the 401 of a stream that cannot be repeated, and refreshes for the next attempt', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const answer = await client.fetch('/notes', stream())
    expect([answer.status, await answer.json()]).toStrictEqual([401, EXPIRED])
    expect((await client.fetch('/notes', stream())).status).toBe(200)
    expect(world.count('POST /session/refresh')).toBe(1)
  })

  it('is not sent if its body is a stream and the refresh gets no response', async () => {
    const world = await openWorld()
    await world.login(world.client())
    const client = world.client()
    world.intercept.set('POST /session/refresh', () => Promise.reject(new TypeError('offline')))
    const init = stream()
    await expect(client.fetch('/notes', init)).rejects.toThrow(TypeError)
    expect(init.body.locked).toBe(false)
  })

  it('is repeated only once', async () => {
    const world = await openWorld()
    const onProblem = vi.fn()
    const client = world.client({ onProblem })
    await world.login(client)
    let requests = 0
    world.intercept.set('GET /me', () => {
      requests++
      return json(401, EXPIRED)
    })
    await client.fetch('/public')
    const answer = await client.fetch('/me')
    expect([answer.status, await answer.json()]).toStrictEqual([401, EXPIRED])
    expect([requests, world.count('POST /session/refresh')]).toStrictEqual([2, 1])
  })

  it('is repeated without a second refresh if another request has refreshed since', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const late = defer()
    world.intercept.set('GET /slow', async (pass) => {
      world.intercept.delete('GET /slow')
      const response = await pass()
      await late.promise
      return response
    })
    const slow = client.fetch('/slow')
    await client.fetch('/me')
    late.resolve()
    expect((await slow).status).toBe(200)
    expect(world.count('POST /session/refresh')).toBe(1)
  })
})

function stream(): RequestInit & { body: ReadableStream } {
  const body = new Blob(['a long upload']).stream()
  return { method: 'POST', body, duplex: 'half' } as RequestInit & { body: ReadableStream }
}

describe('the client does not handle', () => {
  it("the application's own 401", async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    const answer = await client.fetch('/theirs')
    expect([answer.status, answer.bodyUsed]).toStrictEqual([401, false])
    expect(await answer.json()).toStrictEqual({ error: 'not ours' })
    expect(client.session.status).toBe('signed-in')
    expect(world.count('POST /session/refresh')).toBe(0)
  })

  it('requests to other origins', async () => {
    const world = await openWorld({ csrf: 'token' })
    const seen: Request[] = []
    const client = world.client({
      csrf: true,
      fetch: async (input, init) => {
        const request = new Request(input, init)
        if (request.url.startsWith(`${world.origin}/`)) return world.fetch(request)
        seen.push(request)
        return json(401, EXPIRED)
      },
    })
    await world.login(client)
    const refreshes = world.count('POST /session/refresh')
    for (const url of ['https://other.example/me', `https://${world.origin.slice(7)}/me`]) {
      const answer = await client.fetch(url, { method: 'POST', body: 'x' })
      expect(answer.status).toBe(401)
    }
    expect(seen.map(({ credentials, headers }) => [credentials, headers.get('pawl-csrf')])).toStrictEqual([
      ['same-origin', null],
      ['same-origin', null],
    ])
    expect(client.session.status).toBe('signed-in')
    expect(world.count('POST /session/refresh')).toBe(refreshes)
  })
})

describe('a session that a new login has replaced', () => {
  const REPLACED = { code: 'session_replaced', refresh: 'once' }

  it('is refreshed once more', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    let answers = [json(401, REPLACED)]
    const next = (pass: () => Promise<Response>): Response | Promise<Response> => answers.pop() ?? pass()
    world.intercept.set('GET /me', next)
    expect((await client.fetch('/me')).status).toBe(200)
    answers = [json(401, REPLACED)]
    world.expire()
    world.intercept.clear()
    world.intercept.set('POST /session/refresh', next)
    expect((await client.fetch('/me')).status).toBe(200)
    expect(client.session.status).toBe('signed-in')
  })

  it('is signed out if a second refresh is refused, too', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    let requests = 0
    world.intercept.set('POST /session/refresh', () => {
      requests++
      return json(401, REPLACED)
    })
    expect((await client.fetch('/me')).status).toBe(401)
    expect([requests, client.session.status]).toStrictEqual([2, 'signed-out'])
  })
})

describe('outages', () => {
  it.each([
    ['503', () => json(503, { code: 'unavailable' }, { 'retry-after': '1' }), 503],
    ['429', () => json(429, {}), 429],
    ['500 with HTML', () => new Response('<h1>', { status: 500 }), 500],
    ["a proxy's 401", () => new Response('<h1>', { status: 401 }), 401],
  ])(
    'a refresh answered with %s does not sign out, and the caller gets that response',
    async (_name, answer, status) => {
      const world = await openWorld()
      const client = world.client()
      await world.login(client)
      world.expire()
      world.intercept.set('POST /session/refresh', answer)
      const both = await Promise.all([client.fetch('/me'), client.fetch('/me')])
      expect(both.map((response) => response.status)).toStrictEqual([status, status])
      expect(await both[0].text()).toBe(await both[1].text())
      expect(client.session.status).toBe('signed-in')
      world.intercept.clear()
      expect((await client.fetch('/me')).status).toBe(200)
    },
  )

  it('a refresh without a network or behind a captive portal does not sign out', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    world.intercept.set('POST /session/refresh', () => Promise.reject(new TypeError('Failed to fetch')))
    await expect(client.fetch('/me')).rejects.toThrow(TypeError)
    world.intercept.set(
      'POST /session/refresh',
      () => new Response('<h1>Welcome to our Wi-Fi', { status: 200 }),
    )
    await expect(client.fetch('/me')).rejects.toThrow(TypeError)
    expect(client.session.status).toBe('signed-in')
    world.intercept.clear()
    expect((await client.fetch('/me')).status).toBe(200)
  })

  it('a refresh times out after half the overlap, and the next one recovers the lost response', async () => {
    const world = await openWorld()
    const client = world.client({ overlap: 20 })
    await world.login(client)
    world.expire()
    const refreshSent = defer()
    let aborted = false
    world.intercept.set('POST /session/refresh', async (pass, { signal }) => {
      const before = world.jar.copy()
      await pass()
      // The browser does not receive the response.
      for (const name of before.names)
        world.jar.put(name, before.get(name)!, name.includes('refresh') ? '/session' : '/')
      refreshSent.resolve()
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          aborted = true
          reject(signal.reason)
        }),
      )
    })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const answer = client.fetch('/me').catch((error: unknown) => error)
      await refreshSent.promise
      await vi.advanceTimersByTimeAsync(9_999)
      expect(aborted).toBe(false)
      await vi.advanceTimersByTimeAsync(1)
      expect(await answer).toBeInstanceOf(TypeError)
    } finally {
      vi.useRealTimers()
    }
    world.intercept.clear()
    expect((await client.fetch('/me')).status).toBe(200)
    expect(client.session.status).toBe('signed-in')
  })
})

describe('a caller that aborts', () => {
  it('does not wait for the refresh, which continues for other callers', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const late = defer()
    const refreshSent = defer()
    world.intercept.set('POST /session/refresh', async (pass) => {
      refreshSent.resolve()
      await late.promise
      return pass()
    })
    const controller = new AbortController()
    const aborted = client.fetch('/slow', { signal: controller.signal })
    const other = client.fetch('/me')
    await refreshSent.promise
    await until(() => expect(world.count('GET /slow')).toBe(1))
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
    late.resolve()
    expect((await other).status).toBe(200)
    expect([world.count('GET /slow'), world.count('POST /session/refresh')]).toStrictEqual([1, 1])
  })
})

describe('attachFetch', () => {
  it('sends the requests of the page through the client until it is detached', async () => {
    const world = await openWorld()
    stubBrowser(world.origin)
    const before = globalThis.fetch
    const client = world.client()
    await world.login(client)
    world.expire()
    const detach = attachFetch(client)
    try {
      expect((await fetch(`${world.origin}/me`)).status).toBe(200)
    } finally {
      detach()
    }
    expect(globalThis.fetch).toBe(before)
    expect(world.count('POST /session/refresh')).toBe(1)
  })
})
