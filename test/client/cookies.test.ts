import { describe, expect, it, vi } from 'vitest'
import { attachFetch } from '../../src/client/index.ts'
import { beInBrowser, defer, json, openWorld, until } from './support/world.ts'

const EXPIRED = { code: 'access_token_expired', refresh: true }

describe('a request with an expired access token', () => {
  it('is repeated after one refresh that all share', async () => {
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

  it('is refreshed ahead of time once the client knows by elapsed time', async () => {
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

  it('is not repeated when it has been carried out, and the page it was sent on to was refused', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    let done = 0
    const sentOn = (): Response => {
      done++
      return Object.defineProperty(json(401, EXPIRED), 'redirected', { value: true })
    }
    world.disturb.set('POST /upgrade', sentOn)
    world.disturb.set('GET /old', (pass) => (done++ === 1 ? sentOn() : pass()))
    expect((await client.fetch('/upgrade', { method: 'POST' })).status).toBe(401)
    expect([done, world.count('POST /session/refresh')]).toStrictEqual([1, 1])
    expect((await client.fetch('/old')).status).toBe(200)
    expect(client.session.status).toBe('signed-in')
  })

  it('that is a HEAD is refreshed ahead, as its answer cannot say what is wrong', async () => {
    const world = await openWorld()
    await world.login(world.client())
    world.expire()
    // A page that was loaded anew knows nothing.
    expect((await world.client().fetch('/me', { method: 'HEAD' })).status).toBe(200)
    expect(world.count('POST /session/refresh')).toBe(1)
  })

  it('that was sent without the session on purpose says nothing of it', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.disturb.set('GET /probe', () => json(401, { code: 'not_signed_in', refresh: false }))
    expect((await client.fetch('/probe', { credentials: 'omit' })).status).toBe(401)
    expect(client.session.status).toBe('signed-in')
  })

  it.each<[string, () => BodyInit]>([
    ['text', () => 'note'],
    ['a blob', () => new Blob(['note'])],
    ['bytes', () => new TextEncoder().encode('note')],
    ['a form', () => new URLSearchParams('note')],
  ])('keeps its body: %s', async (_name, body) => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const answer = await client.fetch('/notes', { method: 'POST', body: body() })
    expect(await answer.json()).toMatchObject({ id: 'anna', body: expect.stringMatching(/^note=?$/) })
    expect(world.count('POST /notes')).toBe(2)
  })

  it('keeps the body of a Request', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const answer = await client.fetch(new Request(`${world.origin}/notes`, { method: 'POST', body: 'note' }))
    expect(await answer.json()).toMatchObject({ body: 'note' })
  })

  it('does not lose a stream: it refreshes first unless the token is known to be good', async () => {
    const world = await openWorld()
    await world.login(world.client())
    const client = world.client()
    world.expire()
    expect((await client.fetch('/notes', stream())).status).toBe(200)
    expect((await client.fetch('/notes', stream())).status).toBe(200)
    expect(world.log).toStrictEqual(['POST /login', 'POST /session/refresh', 'POST /notes', 'POST /notes'])
  })

  it('hands back the 401 of a stream it could not repeat, refreshed for the next attempt', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const answer = await client.fetch('/notes', stream())
    expect([answer.status, await answer.json()]).toStrictEqual([401, EXPIRED])
    expect((await client.fetch('/notes', stream())).status).toBe(200)
    expect(world.count('POST /session/refresh')).toBe(1)
  })

  it('does not send a stream when refreshing gets no answer', async () => {
    const world = await openWorld()
    await world.login(world.client())
    const client = world.client()
    world.disturb.set('POST /session/refresh', () => Promise.reject(new TypeError('offline')))
    const init = stream()
    await expect(client.fetch('/notes', init)).rejects.toThrow(TypeError)
    expect(init.body.locked).toBe(false)
  })

  it('is repeated once and no more', async () => {
    const world = await openWorld()
    const onProblem = vi.fn()
    const client = world.client({ onProblem })
    await world.login(client)
    let asked = 0
    world.disturb.set('GET /me', () => {
      asked++
      return json(401, EXPIRED)
    })
    await client.fetch('/public')
    const answer = await client.fetch('/me')
    expect([answer.status, await answer.json()]).toStrictEqual([401, EXPIRED])
    expect([asked, world.count('POST /session/refresh')]).toStrictEqual([2, 1])
  })

  it('that was answered before somebody else refreshed is repeated without another refresh', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const late = defer()
    world.disturb.set('GET /slow', async (pass) => {
      world.disturb.delete('GET /slow')
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

describe('what is left alone', () => {
  it("an application's own 401", async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    const answer = await client.fetch('/theirs')
    expect([answer.status, answer.bodyUsed]).toStrictEqual([401, false])
    expect(await answer.json()).toStrictEqual({ error: 'not ours' })
    expect(client.session.status).toBe('signed-in')
    expect(world.count('POST /session/refresh')).toBe(0)
  })

  it('other origins: no credentials, no header, no reaction', async () => {
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

  it('is looked for once more', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    let answers = [json(401, REPLACED)]
    const next = (pass: () => Promise<Response>): Response | Promise<Response> => answers.pop() ?? pass()
    world.disturb.set('GET /me', next)
    expect((await client.fetch('/me')).status).toBe(200)
    answers = [json(401, REPLACED)]
    world.expire()
    world.disturb.clear()
    world.disturb.set('POST /session/refresh', next)
    expect((await client.fetch('/me')).status).toBe(200)
    expect(client.session.status).toBe('signed-in')
  })

  it('is over when that does not help', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    let asked = 0
    world.disturb.set('POST /session/refresh', () => {
      asked++
      return json(401, REPLACED)
    })
    expect((await client.fetch('/me')).status).toBe(401)
    expect([asked, client.session.status]).toStrictEqual([2, 'signed-out'])
  })
})

describe('outages', () => {
  it.each([
    ['503', () => json(503, { code: 'unavailable' }, { 'retry-after': '1' }), 503],
    ['429', () => json(429, {}), 429],
    ['500 with HTML', () => new Response('<h1>', { status: 500 }), 500],
    ["a proxy's 401", () => new Response('<h1>', { status: 401 }), 401],
  ])(
    'a refresh answered with %s ends nothing, and the caller gets that answer',
    async (_name, answer, status) => {
      const world = await openWorld()
      const client = world.client()
      await world.login(client)
      world.expire()
      world.disturb.set('POST /session/refresh', answer)
      const both = await Promise.all([client.fetch('/me'), client.fetch('/me')])
      expect(both.map((response) => response.status)).toStrictEqual([status, status])
      expect(await both[0].text()).toBe(await both[1].text())
      expect(client.session.status).toBe('signed-in')
      world.disturb.clear()
      expect((await client.fetch('/me')).status).toBe(200)
    },
  )

  it('neither does being offline, nor a captive portal', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    world.disturb.set('POST /session/refresh', () => Promise.reject(new TypeError('Failed to fetch')))
    await expect(client.fetch('/me')).rejects.toThrow(TypeError)
    world.disturb.set(
      'POST /session/refresh',
      () => new Response('<h1>Welcome to our Wi-Fi', { status: 200 }),
    )
    await expect(client.fetch('/me')).rejects.toThrow(TypeError)
    expect(client.session.status).toBe('signed-in')
    world.disturb.clear()
    expect((await client.fetch('/me')).status).toBe(200)
  })

  it('a refresh is given up after half the overlap, and a lost answer is asked for again', async () => {
    const world = await openWorld()
    const client = world.client({ overlap: 20 })
    await world.login(client)
    world.expire()
    const asked = defer()
    let aborted = false
    world.disturb.set('POST /session/refresh', async (pass, { signal }) => {
      const before = world.jar.copy()
      await pass()
      // The browser does not see the answer.
      for (const name of before.names)
        world.jar.put(name, before.get(name)!, name.includes('refresh') ? '/session' : '/')
      asked.resolve()
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
      await asked.promise
      await vi.advanceTimersByTimeAsync(9_999)
      expect(aborted).toBe(false)
      await vi.advanceTimersByTimeAsync(1)
      expect(await answer).toBeInstanceOf(TypeError)
    } finally {
      vi.useRealTimers()
    }
    world.disturb.clear()
    expect((await client.fetch('/me')).status).toBe(200)
    expect(client.session.status).toBe('signed-in')
  })
})

describe('a caller that gives up', () => {
  it('does not wait for the refresh, which goes on for the others', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const late = defer()
    const asked = defer()
    world.disturb.set('POST /session/refresh', async (pass) => {
      asked.resolve()
      await late.promise
      return pass()
    })
    const giveUp = new AbortController()
    const given = client.fetch('/slow', { signal: giveUp.signal })
    const other = client.fetch('/me')
    await asked.promise
    await until(() => expect(world.count('GET /slow')).toBe(1))
    giveUp.abort()
    await expect(given).rejects.toMatchObject({ name: 'AbortError' })
    late.resolve()
    expect((await other).status).toBe(200)
    expect([world.count('GET /slow'), world.count('POST /session/refresh')]).toStrictEqual([1, 1])
  })
})

describe('blocked cookies', () => {
  it('are reported once when a refresh changes nothing, and cause no loop', async () => {
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

  it('are not what a request finds whose claims changed before the last refresh was put to use', async () => {
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

  it('are reported when a login is followed by "not signed in"', async () => {
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

describe('the state', () => {
  it('is unknown until somebody asks, and the user is there only on request', async () => {
    const world = await openWorld()
    await world.login(world.client())
    const user = vi.fn(async (fetch: typeof globalThis.fetch) => {
      const response = await fetch('/me')
      if (response.status === 401) return null
      if (!response.ok) throw new Error(`/me answered ${response.status}`)
      return { id: ((await response.json()) as { id: string }).id }
    })
    const client = world.client({ user })
    const heard: unknown[] = []
    const undo = client.onChange((session) => heard.push(session))
    expect(client.session).toStrictEqual({ status: 'unknown', user: null })
    world.expire()
    expect(await client.check()).toStrictEqual({ status: 'signed-in', user: { id: 'anna' } })
    expect(client.session).toBe(client.session)
    await client.signOut()
    undo()
    await world.login(client, 'bert')
    expect(client.session.user).toStrictEqual({ id: 'bert' })
    expect(heard).toStrictEqual([
      { status: 'signed-in', user: { id: 'anna' } },
      { status: 'signed-out', user: null },
    ])
    expect(user).toHaveBeenCalledTimes(2)
  })

  it('stays as it is when the user cannot be asked', async () => {
    const world = await openWorld()
    const onProblem = vi.fn()
    const client = world.client({ onProblem, user: () => Promise.reject(new Error('503')) })
    expect((await client.check()).status).toBe('unknown')
    await world.login(client)
    expect(client.session).toStrictEqual({ status: 'signed-in', user: null })
    expect(onProblem.mock.calls.map(([problem]) => problem)).toStrictEqual(['user-failed', 'user-failed'])
  })

  it('never shows one user to another, whoever cannot be asked', async () => {
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

  it('becomes signed out when the server says the session is over', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    await world.sessions.revokeUser('anna')
    const answer = await client.fetch('/me')
    expect(await answer.json()).toStrictEqual({ code: 'session_ended', refresh: false })
    expect(client.session.status).toBe('signed-out')
    expect(world.count('POST /session/refresh')).toBe(0)
  })

  it('becomes signed out when a refresh finds the session over', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.clock.advance(90 * 86_400)
    expect((await client.fetch('/me')).status).toBe(401)
    expect(client.session.status).toBe('signed-out')
    expect(world.jar.names).toStrictEqual([])
  })

  it('a late answer of before a login does not sign the new user out', async () => {
    const world = await openWorld()
    const client = world.client()
    const late = defer()
    world.disturb.set('GET /me', async (pass) => {
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
  it('a refused login changes nothing', async () => {
    const world = await openWorld()
    const client = world.client()
    expect(await world.login(client, 'wrong')).toBe(false)
    expect(client.session.status).toBe('unknown')
  })

  it('a login waits for the refresh under way, and a refresh for the login', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const late = defer()
    world.disturb.set('POST /session/refresh', async (pass) => {
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

  it('a request that expires during a login is repeated after it', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    const late = defer()
    const expired = defer()
    world.disturb.set('GET /me', async (pass) => {
      world.disturb.clear()
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
    expect([(await slow).status, await login]).toStrictEqual([200, true])
    expect(world.count('POST /session/refresh')).toBe(0)
  })

  it('a login that meets a 401 of its own does not wait for itself', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.expire()
    expect(await client.signIn(async () => ((await client.fetch('/me')).ok ? {} : null))).toBe(false)
    expect((await client.fetch('/me')).status).toBe(200)
  })

  it('a sign-out that the server did not confirm is an error, and the user stays signed in', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.disturb.set('POST /session/logout', () => Promise.reject(new TypeError('offline')))
    await expect(client.signOut()).rejects.toThrow(TypeError)
    world.disturb.set('POST /session/logout', () => json(503, { code: 'unavailable' }))
    await expect(client.signOut()).rejects.toMatchObject({ response: { status: 503 } })
    expect(client.session.status).toBe('signed-in')
    world.disturb.clear()
    await client.signOut()
    expect(client.session.status).toBe('signed-out')
    expect(world.jar.names).toStrictEqual([])
  })
})

describe('the CSRF token', () => {
  it('goes with unsafe requests; a page loaded anew gets it by a refresh', async () => {
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

  it('of another session is replaced once', async () => {
    const world = await openWorld({ csrf: 'token' })
    await world.login(world.client({ csrf: true }))
    const client = world.client({ csrf: 'of-a-cached-page' })
    expect((await client.fetch('/notes', { method: 'POST' })).status).toBe(200)
    expect([world.count('POST /notes'), world.count('POST /session/refresh')]).toStrictEqual([2, 2])
  })
})

describe('attachFetch', () => {
  it('sends the page through the client until it is undone', async () => {
    const world = await openWorld()
    beInBrowser(world.origin)
    const before = globalThis.fetch
    const client = world.client()
    await world.login(client)
    world.expire()
    const undo = attachFetch(client)
    try {
      expect((await fetch(`${world.origin}/me`)).status).toBe(200)
    } finally {
      undo()
    }
    expect(globalThis.fetch).toBe(before)
    expect(world.count('POST /session/refresh')).toBe(1)
  })
})
