import { describe, expect, it, vi } from 'vitest'
import { defer, openWorld, stubBrowser, stubChannel, stubLocks, until } from './support/world.ts'

describe('the tabs of a browser', () => {
  it('learn of a login and a sign-out in another tab', async () => {
    const world = await openWorld()
    stubBrowser(world.origin)
    const [one, two] = [world.client(), world.client()]
    await world.login(one)
    await until(() => expect(two.session.status).toBe('signed-in'))
    await two.signOut()
    await until(() => expect(one.session.status).toBe('signed-out'))
    expect(world.jar.names).toStrictEqual([])
    await world.login(two)
    await until(() => expect(one.session.status).toBe('signed-in'))
  })

  describe('without the `user` option', () => {
    it('learn that somebody else signed in, by the message of the login', async () => {
      const world = await openWorld()
      stubBrowser(world.origin)
      stubChannel()
      const [one, two] = [world.client(), world.client()]
      await world.login(one)
      await until(() => expect(two.session.status).toBe('signed-in'))
      const listener = vi.fn()
      two.onChange(listener)
      await world.login(one, 'bert')
      await until(() => expect(listener.mock.calls).toStrictEqual([[{ status: 'signed-in', user: null }]]))
      world.expire()
      await one.fetch('/me')
      await two.fetch('/me')
      expect(listener).toHaveBeenCalledTimes(1)
    })

    it('learn it by the next refresh if the message was lost', async () => {
      const world = await openWorld()
      const [one, two] = [world.client(), world.client()]
      await world.login(one)
      await two.check()
      const listener = vi.fn()
      two.onChange(listener)
      world.expire()
      await two.fetch('/me')
      expect(listener).not.toHaveBeenCalled()
      await world.login(one, 'bert')
      world.expire()
      expect((await two.fetch('/me')).status).toBe(401)
      await until(() => expect(listener.mock.calls).toStrictEqual([[{ status: 'signed-in', user: null }]]))
    })

    it('learn it by the refresh of another tab', async () => {
      const world = await openWorld()
      stubBrowser(world.origin)
      stubChannel()
      const [one, two] = [world.client(), world.client()]
      await world.login(one)
      await two.check()
      const listener = vi.fn()
      two.onChange(listener)
      const silent = world.client({ baseUrl: `${world.origin}/`, path: '/session' })
      silent.close()
      await world.login(silent, 'bert')
      world.expire()
      await one.fetch('/me')
      await until(() => expect(listener).toHaveBeenCalledTimes(1))
    })
  })

  it('send no token to each other', async () => {
    const world = await openWorld({ csrf: 'token' })
    stubBrowser(world.origin)
    const messages: unknown[] = []
    vi.spyOn(BroadcastChannel.prototype, 'postMessage').mockImplementation((message) =>
      messages.push(message),
    )
    const client = world.client({ csrf: true })
    await client.signIn(async () => {
      const answer = await client.fetch('/login', { method: 'POST', body: 'anna' })
      return { ...(await answer.json()), secret: 'of the application' }
    })
    await client.check()
    await client.signOut()
    vi.restoreAllMocks()
    const answer = {
      expiresIn: expect.any(Number),
      csrfToken: expect.any(String),
      marker: expect.stringMatching(/^[\w-]{8}$/),
    }
    expect(messages).toStrictEqual([
      ['login', answer],
      ['refresh', answer],
      ['logout', { expiresIn: undefined, csrfToken: undefined, marker: undefined }],
    ])
  })

  it('share one refresh by the lock and the message about it', async () => {
    const world = await openWorld()
    stubBrowser(world.origin)
    const { requests } = stubLocks()
    stubChannel()
    const tabs = [world.client(), world.client(), world.client()]
    await world.login(tabs[0]!)
    await until(() => expect(tabs[2]!.session.status).toBe('signed-in'))
    world.expire()
    const answers = await Promise.all(tabs.map((tab) => tab.fetch('/me')))
    expect(answers.map(({ status }) => status)).toStrictEqual([200, 200, 200])
    expect(world.count('POST /session/refresh')).toBe(1)
    expect(new Set(requests)).toStrictEqual(new Set([`pawl:${world.origin}/session/`]))
  })

  it('refresh without the lock if another tab does not release it', async () => {
    const world = await openWorld()
    stubBrowser(world.origin)
    const { requests } = stubLocks()
    const client = world.client()
    await world.login(client)
    world.expire()
    const never = defer()
    void navigator.locks.request(
      `pawl:${world.origin}/session/`,
      { signal: new AbortController().signal },
      () => never.promise,
    )
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      requests.length = 0
      const answer = client.fetch('/me')
      await until(() => expect(requests).toHaveLength(1))
      await vi.advanceTimersByTimeAsync(3000)
      expect((await answer).status).toBe(200)
      expect(world.count('GET /me')).toBe(2)
    } finally {
      vi.useRealTimers()
    }
  })

  it('find out again who is signed in after a return from the back/forward cache', async () => {
    const world = await openWorld()
    stubBrowser(world.origin)
    const client = world.client()
    await world.login(client)
    await world.sessions.revokeUser('anna')
    const statuses: string[] = []
    client.onChange(({ status }) => statuses.push(status))
    dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))
    await until(() => expect(statuses).toStrictEqual(['unknown', 'signed-out']))
  })

  it('neither send nor receive messages after `close`', async () => {
    const world = await openWorld()
    stubBrowser(world.origin)
    const quiet = { onProblem: () => {} }
    const [one, two] = [world.client(quiet), world.client(quiet)]
    const listener = vi.fn()
    two.onChange(listener)
    two.close()
    await world.login(one)
    await two.signOut()
    dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))
    expect((await one.fetch('/me')).status).toBe(401)
    expect(listener).not.toHaveBeenCalled()
  })
})
