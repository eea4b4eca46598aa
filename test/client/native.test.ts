import { afterEach, describe, expect, it, vi } from 'vitest'
import type { SessionClient, SessionClientOptions } from '../../src/client/index.ts'
import { checkWhenActive, keychainTokens, secureStoreTokens } from '../../src/client/native/index.ts'
import { fakeAppState } from './support/fake-app-state.ts'
import { createDevice, type Device, fakeKeychain, fakeSecureStore } from './support/fake-keychains.ts'
import { defer, openWorld, type User, until, type World } from './support/world.ts'

const loadUser = async (fetch: typeof globalThis.fetch): Promise<User | null> => {
  const response = await fetch('/me')
  const body = await response.json()
  if (response.status === 401 && body.refresh === false) return null
  if (!response.ok) throw new Error(`/me answered ${response.status}`)
  return { id: body.id }
}

/** A process of the app on a device. */
function startApp(
  world: World,
  device: Device,
  options: SessionClientOptions<User> = {},
): SessionClient<User> {
  const tokens = secureStoreTokens(fakeSecureStore(device))
  return world.client({ tokens, user: tokens.rememberUser(loadUser), onProblem: () => {}, ...options })
}

/** A world whose network is up or down. */
async function openPhone(): Promise<{
  world: World
  device: Device
  start: (options?: SessionClientOptions<User>) => SessionClient<User>
  goOffline: () => void
  goOnline: () => void
}> {
  const world = await openWorld()
  const device = createDevice()
  let isOffline = false
  const fetch: typeof globalThis.fetch = async (input, init) => {
    if (isOffline) throw new TypeError('Network request failed')
    return world.fetch(input, init)
  }
  return {
    world,
    device,
    start: (options) => startApp(world, device, { fetch, ...options }),
    goOffline: () => {
      isOffline = true
    },
    goOnline: () => {
      isOffline = false
    },
  }
}

/** As `until`, with fake timers: it does not move them. */
async function settle(check: () => void): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    try {
      return check()
    } catch {}
  }
  check()
}

const ANNA = { status: 'signed-in', user: { id: 'anna' } }

describe('an app with its tokens in SecureStore', () => {
  it('stays signed in through a restart, refreshes, and leaves nothing behind when it signs out', async () => {
    const { world, device, start } = await openPhone()
    await world.login(start())
    const client = start()
    expect(await client.check()).toStrictEqual(ANNA)
    world.expire()
    expect((await client.fetch('/me')).status).toBe(200)
    expect(world.count('POST /session/refresh')).toBe(1)
    await until(() => expect([...device.entries.keys()].sort()).toHaveLength(2))
    await client.signOut()
    expect([client.session.status, ...device.entries.keys()]).toStrictEqual(['signed-out'])
    expect((await start().check()).status).toBe('signed-out')
  })

  it('stays signed in if the process dies at any call of the storage during a refresh', async () => {
    const { world, device, start } = await openPhone()
    await world.login(start({ user: async () => null }))
    for (let at = 0, calls = 1; at < calls; at++) {
      world.expire()
      const before = device.log.length
      device.fault = { at: before + at, kind: at % 2 ? 'dies' : 'dies late' }
      // The process is dead: its calls never end, and after 10 s nobody waits for them.
      start()
        .fetch('/me')
        .catch(() => {})
      await until(() => expect(device.log.length).toBeGreaterThan(before + at))
      device.fault = undefined
      const next = start()
      expect((await next.fetch('/me')).status).toBe(200)
      expect(await next.check()).toStrictEqual(ANNA)
      if (at === 0) {
        world.expire()
        const start = device.log.length
        await next.fetch('/me')
        calls = device.log.length - start
      }
    }
    expect(await world.sessions.list('anna')).toMatchObject([{ active: true }])
  })

  it('keeps two sessions apart', async () => {
    const { world, device, start } = await openPhone()
    const [home, work] = [start(), start({ tokens: keychainTokens(fakeKeychain(device), 'pawl.work') })]
    await world.login(home, 'anna')
    await world.login(work, 'bert')
    expect(await (await home.fetch('/me')).json()).toMatchObject({ id: 'anna' })
    await home.signOut()
    expect(await (await work.fetch('/me')).json()).toMatchObject({ id: 'bert' })
  })
})

describe('while the keychain is locked', () => {
  it('an app that a push has started does not know who is signed in, and finds out later', async () => {
    const { world, device, start } = await openPhone()
    await world.login(start())
    device.locked = true
    const onProblem = vi.fn()
    const client = start({ onProblem })
    const changes = vi.fn()
    client.onChange(changes)
    expect(await client.check()).toStrictEqual({ status: 'unknown', user: null })
    await expect(client.fetch('/me')).rejects.toBeInstanceOf(TypeError)
    expect(changes).not.toHaveBeenCalled()
    expect(onProblem).toHaveBeenCalledWith('storage-failed', expect.any(Error))
    device.locked = false
    expect(await client.check()).toStrictEqual(ANNA)
    expect((await client.fetch('/me')).status).toBe(200)
  })

  it('a refresh in the background fails, and nobody is signed out', async () => {
    const { world, device, start } = await openPhone()
    const client = start()
    await world.login(client)
    world.expire()
    device.locked = true
    await expect(client.fetch('/me')).rejects.toThrow('refresh failed')
    expect(await client.check()).toStrictEqual(ANNA)
    device.locked = false
    expect((await client.fetch('/me')).status).toBe(200)
    expect(world.count('POST /session/refresh')).toBe(1)
  })
})

describe('an app that starts without a network', () => {
  it('is signed in as the user whom it knew last, and goes on when the network is back', async () => {
    const { world, start, goOffline, goOnline } = await openPhone()
    const first = start()
    await world.login(first)
    await first.check()
    await until(async () => expect(await start().check()).toStrictEqual(ANNA))
    world.expire()
    goOffline()
    const client = start()
    const changes = vi.fn()
    client.onChange(changes)
    expect(await client.check()).toStrictEqual(ANNA)
    await expect(client.fetch('/notes')).rejects.toBeInstanceOf(TypeError)
    goOnline()
    expect((await client.fetch('/notes')).status).toBe(200)
    expect(await client.check()).toStrictEqual(ANNA)
    expect(changes.mock.calls.map(([{ status }]) => status)).not.toContain('signed-out')
    expect(world.count('POST /session/refresh')).toBe(1)
  })

  it('does so during a 503, too', async () => {
    const { world, start } = await openPhone()
    const first = start()
    await world.login(first)
    await first.check()
    world.intercept.set('GET /me', () => Response.json({ code: 'unavailable' }, { status: 503 }))
    await until(async () => expect(await start().check()).toStrictEqual(ANNA))
  })

  it('does not know who is signed in if it never found the user', async () => {
    const { world, start, goOffline } = await openPhone()
    await world.login(start({ user: async () => null }))
    goOffline()
    expect(await start().check()).toStrictEqual({ status: 'unknown', user: null })
  })

  it('is signed out if it has no tokens', async () => {
    const { start, goOffline } = await openPhone()
    goOffline()
    expect((await start().check()).status).toBe('signed-out')
  })

  it('is signed out later if the session has ended meanwhile', async () => {
    const { world, device, start, goOffline, goOnline } = await openPhone()
    const first = start()
    await world.login(first)
    await first.check()
    await until(() => expect(device.entries.size).toBe(2))
    await world.sessions.revokeUser('anna')
    goOffline()
    const client = start()
    expect(await client.check()).toStrictEqual(ANNA)
    goOnline()
    expect((await client.check()).status).toBe('signed-out')
    await until(() => expect([...device.entries.keys()]).toStrictEqual([]))
  })
})

describe('the remembered user', () => {
  it('is never another one than that of the tokens', async () => {
    const { world, device, start } = await openPhone()
    const client = start()
    await world.login(client, 'anna')
    await until(() => expect(device.entries.size).toBe(2))
    world.intercept.set('GET /me', () => Promise.reject(new TypeError('Network request failed')))
    expect(await world.login(client, 'bert')).toBe(true)
    expect(client.session).toStrictEqual({ status: 'signed-in', user: null })
    expect((await start().check()).user).toBeNull()
  })

  it('is not kept if somebody else signed in while it was loaded', async () => {
    const { world, device, start, goOffline } = await openPhone()
    const tokens = secureStoreTokens(fakeSecureStore(device))
    const client = start({ tokens, user: tokens.rememberUser(loadUser) })
    await world.login(client, 'anna')
    const gate = defer()
    world.intercept.set('GET /me', async (pass) => {
      const answer = await pass()
      await gate.promise
      return answer
    })
    const checking = client.check()
    await until(() => expect(world.count('GET /me')).toBe(2))
    const login = world.login(client, 'bert')
    await until(() => expect(world.count('POST /login')).toBe(2))
    gate.resolve()
    await Promise.all([checking, login])
    // After every call before it.
    await tokens.load()
    goOffline()
    expect((await start().check()).user).not.toStrictEqual({ id: 'anna' })
  })

  it('is forgotten if the server knows nobody', async () => {
    const { world, device, start } = await openPhone()
    const client = start()
    await world.login(client)
    await until(() => expect(device.entries.size).toBe(2))
    const tokens = secureStoreTokens(fakeSecureStore(device))
    expect(await tokens.rememberUser(async () => null)(fetch)).toBeNull()
    await until(() => expect([...device.entries.keys()].join()).not.toContain('user'))
  })

  it('may be too large to be kept, which changes nothing else', async () => {
    const { world, device, start } = await openPhone()
    await world.login(start())
    const tokens = secureStoreTokens(fakeSecureStore(device), 'pawl.session')
    const large = { id: 'a'.repeat(40_000) }
    expect(await tokens.rememberUser(async () => large)(fetch)).toBe(large)
    expect(await tokens.load()).not.toBeNull()
  })

  describe('with fake timers', () => {
    afterEach(() => void vi.useRealTimers())

    it('stands in after 5 s for one that is slow, and not before', async () => {
      const { world, device, start } = await openPhone()
      await world.login(start())
      await until(() => expect(device.entries.size).toBe(2))
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const tokens = secureStoreTokens(fakeSecureStore(device))
      const load = vi.fn(() => new Promise<User | null>(() => {}))
      let found: unknown = 'pending'
      void tokens
        .rememberUser(load)(fetch)
        .then((user) => {
          found = user
        })
      await settle(() => expect(load).toHaveBeenCalled())
      await vi.advanceTimersByTimeAsync(4999)
      expect(found).toBe('pending')
      await vi.advanceTimersByTimeAsync(1)
      await settle(() => expect(found).toStrictEqual({ id: 'anna' }))
    })
  })
})

describe('checkWhenActive', () => {
  it('checks when the app comes back, and every request of that moment shares one refresh', async () => {
    const { world, start } = await openPhone()
    const client = start()
    await world.login(client)
    const app = fakeAppState('active')
    const stop = checkWhenActive(client, app)
    app.become('inactive', 'background')
    world.expire()
    app.become('inactive', 'active')
    const answers = await Promise.all([...Array(10)].map(() => client.fetch('/notes')))
    expect(answers.map(({ status }) => status)).toStrictEqual(Array(10).fill(200))
    await until(() => expect(world.count('GET /me')).toBe(3))
    expect(world.count('POST /session/refresh')).toBe(1)
    expect(client.session).toStrictEqual(ANNA)
    stop()
    app.become('background', 'active')
    expect(world.count('GET /me')).toBe(3)
  })

  it.each<[string, string, readonly ('active' | 'inactive' | 'background')[], number]>([
    ['after Face ID or the notification center', 'active', ['inactive', 'active'], 0],
    ['after the start of the app', 'inactive', ['active'], 0],
    ['when an app that a push started is opened', 'background', ['active'], 1],
    ['each time the app comes back', 'active', ['background', 'active', 'background', 'active'], 2],
    ['once after several changes', 'active', ['background', 'inactive', 'background', 'active', 'active'], 1],
  ])('%s: from %s, %j it checks %i times', (_name, from, states, times) => {
    const check = vi.fn(async () => ({ status: 'unknown', user: null }) as const)
    const app = fakeAppState(from)
    checkWhenActive({ check }, app)
    app.become(...states)
    expect(check).toHaveBeenCalledTimes(times)
  })

  it('finds out that the session has ended in the background', async () => {
    const { world, start } = await openPhone()
    const client = start()
    await world.login(client)
    const app = fakeAppState('active')
    checkWhenActive(client, app)
    app.become('background')
    await world.sessions.revokeUser('anna')
    app.become('active')
    await until(() => expect(client.session.status).toBe('signed-out'))
  })
})

describe('an app that the system suspends during a refresh', () => {
  afterEach(() => void vi.unstubAllGlobals())

  it('gets the answer that has arrived, although the time of its timers is long over', async () => {
    const { world, start } = await openPhone()
    const client = start({ user: async () => null })
    await world.login(client)
    world.expire()
    const gate = defer()
    const refreshing = vi.fn(async (pass: () => Promise<Response>) => {
      await gate.promise
      return pass()
    })
    world.intercept.set('POST /session/refresh', refreshing)
    // The timers of the refresh, which are due when the app returns.
    const due: (() => void)[] = []
    const real = setTimeout
    vi.stubGlobal('setTimeout', (call: () => void, ms: number) =>
      ms === 7500 ? due.push(call) : real(call, ms),
    )
    const answer = client.fetch('/notes')
    await until(() => expect(refreshing).toHaveBeenCalled())
    // They fire at once, before what has arrived meanwhile is delivered.
    expect(due).toHaveLength(1)
    for (const call of due.splice(0)) call()
    gate.resolve()
    expect((await answer).status).toBe(200)
  })

  it('refreshes again hours later, with the token whose answer it lost', async () => {
    const { world, start } = await openPhone()
    const client = start()
    await world.login(client)
    world.expire()
    world.intercept.set('POST /session/refresh', async (pass) => {
      await pass()
      throw new TypeError('The network connection was lost.')
    })
    await expect(client.fetch('/notes')).rejects.toBeInstanceOf(TypeError)
    world.intercept.clear()
    for (let hour = 0; hour < 5; hour++) world.expire()
    expect((await client.fetch('/notes')).status).toBe(200)
    expect(await client.check()).toStrictEqual(ANNA)
  })
})
