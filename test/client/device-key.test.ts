import { afterEach, beforeEach, describe, expect, it, type Mock, vi } from 'vitest'
import { bindWith } from '../../src/client/bind/bind-device.ts'
import { bindDevice, type DeviceSigner } from '../../src/client/bind/index.ts'
import { memoryTokens, type SessionClient, type SessionClientOptions } from '../../src/client/index.ts'
import type { SessionEvents } from '../../src/index.ts'
import { listen } from '../support/sessions.ts'
import { memoryStorage, readProof, type SeenProofs, sha256, watchProofs } from './support/device-proofs.ts'
import { json, openWorld, stubBrowser, type User, until, type World } from './support/world.ts'

const SIGNED_IN = { status: 'signed-in', user: null }
const SIGNED_OUT = { status: 'signed-out', user: null }
const hang = (): Promise<never> => new Promise(() => {})
const fail = (): Promise<never> => Promise.reject(new DOMException('Broken', 'UnknownError'))

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

interface Device {
  readonly world: World
  readonly seen: SeenProofs
  readonly bound: SessionEvents['deviceBound'][]
  readonly storage: ReturnType<typeof memoryStorage>
  readonly onProblem: Mock<NonNullable<SessionClientOptions['onProblem']>>
  /** Opens a tab. */
  tab(options?: SessionClientOptions<User>): SessionClient<User>
  /** Signs in, and registers the key. */
  bind(client: SessionClient<User>): Promise<void>
}

async function openDevice(): Promise<Device> {
  const world = await openWorld({}, undefined, { deviceBinding: 'offer' })
  stubBrowser(world.origin)
  const storage = memoryStorage()
  const onProblem = vi.fn<NonNullable<SessionClientOptions['onProblem']>>()
  return {
    world,
    seen: watchProofs(world),
    bound: listen(world.sessions, 'deviceBound'),
    storage,
    onProblem,
    tab: (options) => world.client({ device: bindWith({}, storage), onProblem, ...options }),
    async bind(client) {
      await world.login(client)
      await vi.advanceTimersByTimeAsync(1000)
      await until(() => expect([...storage.values.keys()].join()).toMatch(/^key,nonce [^,]+$/))
    },
  }
}

/** A key that the app keeps. */
async function appKey(): Promise<DeviceSigner> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, false, ['sign'])
  return {
    publicKey: () => crypto.subtle.exportKey('jwk', publicKey),
    sign: (data) => crypto.subtle.sign(algorithm, privateKey, data as BufferSource),
  }
}

/** Lets the time pass until a call has ended. */
async function settled<T>(call: Promise<T>): Promise<PromiseSettledResult<T>> {
  let isPending = true
  const settling = Promise.allSettled([call])
  void settling.then(() => {
    isPending = false
  })
  await until(async () => {
    await vi.advanceTimersByTimeAsync(500)
    expect(isPending).toBe(false)
  })
  return (await settling)[0]
}

const noncesOf = (proofs: SeenProofs['refreshes']): unknown[] =>
  proofs.map((proof) => proof?.payload['nonce'])
const keysOf = (proofs: SeenProofs['registrations']): unknown[] => [
  ...new Set(proofs.map(({ header }) => header.jwk.x)),
]

describe('a sign-in', () => {
  it('is bound a second later by a proof, to a key that no script can read', async () => {
    const { world, seen, bound, storage, tab } = await openDevice()
    const client = tab()
    await world.login(client)
    await vi.advanceTimersByTimeAsync(999)
    expect(seen.registrations).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(1)
    await until(() => expect(bound).toMatchObject([{ kind: 'webcrypto' }]))
    const [proof] = seen.registrations
    expect(proof!.header).toStrictEqual({
      typ: 'dpop+jwt',
      alg: 'ES256',
      jwk: { kty: 'EC', crv: 'P-256', x: expect.any(String), y: expect.any(String) },
    })
    expect(proof!.payload).toStrictEqual({
      jti: expect.stringMatching(/^\d{20,}$/),
      htm: 'POST',
      htu: `${world.origin}/session/device`,
      iat: expect.any(Number),
      nonce: expect.stringMatching(/^pawl_d1_/),
    })
    expect((storage.values.get('key') as CryptoKeyPair).privateKey.extractable).toBe(false)
    expect(client.session).toStrictEqual(SIGNED_IN)
  })

  it('is refreshed with a proof over the latest challenge, in any tab', async () => {
    const { world, seen, tab, bind } = await openDevice()
    const [one, two] = [tab(), tab()]
    await bind(one)
    for (const client of [one, two, two, one]) await client.check()
    expect(noncesOf(seen.refreshes)).toStrictEqual(seen.challenges.slice(0, 4))
    expect(seen.refreshes[0]!.payload['htu']).toBe(`${world.origin}/session/refresh`)
  })

  it('without a challenge makes no key', async () => {
    const world = await openWorld()
    stubBrowser(world.origin)
    const storage = memoryStorage()
    await world.login(world.client({ device: bindWith({}, storage) }))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(storage.values.size).toBe(0)
    expect(world.count('POST /session/device')).toBe(0)
  })

  it('is bound on the next page, if the page was left at once', async () => {
    const { world, bound, tab } = await openDevice()
    await world.login(tab())
    vi.clearAllTimers()
    tab()
    await vi.advanceTimersByTimeAsync(1000)
    await until(() => expect(bound).toHaveLength(1))
  })

  it('keeps the key of an earlier one', async () => {
    const { seen, bound, tab, bind } = await openDevice()
    await bind(tab())
    await bind(tab())
    expect(keysOf(seen.registrations)).toHaveLength(1)
    expect(bound).toHaveLength(2)
  })

  it('in two tabs that both make a key uses that of the first', async () => {
    const { world, seen, bound, storage, tab } = await openDevice()
    const { add } = storage
    let waiting = 0
    // Both have found no key.
    storage.add = async (name, value) => {
      waiting++
      await until(() => expect(waiting).toBe(2))
      return add(name, value)
    }
    await world.login(tab())
    tab()
    await vi.advanceTimersByTimeAsync(1000)
    await until(() => expect(bound).toHaveLength(1))
    const { x } = await crypto.subtle.exportKey('jwk', (storage.values.get('key') as CryptoKeyPair).publicKey)
    expect(keysOf(seen.registrations)).toStrictEqual([x])
  })

  it('that the browser itself has bound is left alone', async () => {
    const { world, seen, storage, tab } = await openDevice()
    const client = tab()
    const registered = vi.fn(() => json(403, { code: 'device_mismatch', refresh: false }))
    world.intercept.set('POST /session/device', registered)
    await world.login(client)
    await vi.advanceTimersByTimeAsync(1000)
    await until(() => expect([...storage.values.keys()]).toStrictEqual(['key']))
    await vi.advanceTimersByTimeAsync(300_000)
    expect(registered).toHaveBeenCalledOnce()
    await client.check()
    expect(seen.refreshes).toStrictEqual([null])
    expect(client.session).toStrictEqual(SIGNED_IN)
  })
})

describe('a registration', () => {
  it('whose answer is lost is repeated with the same key', async () => {
    const { world, seen, bound, tab, bind } = await openDevice()
    const device = world.intercept.get('POST /session/device')!
    const answers: (() => Response | Promise<Response>)[] = [
      () => Promise.reject(new TypeError('lost')),
      () => json(503, { code: 'unavailable' }),
      () => new Response('<p>Sign in to the network', { headers: { 'content-type': 'text/html' } }),
    ]
    world.intercept.set('POST /session/device', async (pass, request) => {
      const response = await device(pass, request)
      return answers.shift()?.() ?? response
    })
    await settled(bind(tab()))
    expect(keysOf(seen.registrations)).toHaveLength(1)
    expect(new Set(seen.registrations.map(({ payload }) => payload['jti'])).size).toBe(4)
    expect(bound).toHaveLength(1)
  })

  it('whose answer is lost for good costs one more refresh', async () => {
    const { world, seen, bound, tab } = await openDevice()
    const client = tab()
    world.intercept.set('POST /session/device', async (pass) => {
      await pass()
      throw new TypeError('lost')
    })
    await world.login(client)
    await vi.advanceTimersByTimeAsync(1000)
    await until(() => expect(bound).toHaveLength(1))
    world.expire()
    expect((await client.fetch('/me')).status).toBe(200)
    expect(noncesOf(seen.refreshes)).toStrictEqual([undefined, seen.challenges[0]])
  })
})

describe('a bound session', () => {
  it('repeats a refresh with the new challenge, once', async () => {
    const { world, seen, tab, bind } = await openDevice()
    const client = tab()
    await bind(client)
    // The challenge has expired.
    world.clock.advance(86_400)
    expect((await client.fetch('/me')).status).toBe(200)
    expect(noncesOf(seen.refreshes)).toStrictEqual(seen.challenges.slice(0, 2))
  })

  it.each([
    ['with its key deleted', (storage: Device['storage']) => storage.values.clear()],
    [
      'with another key',
      async (storage: Device['storage']) => {
        const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
        storage.values.set('key', await crypto.subtle.generateKey(algorithm, false, ['sign']))
      },
    ],
  ])('%s asks for a sign-in, keeps the cookies, and works after it', async (_name, lose) => {
    const { world, seen, storage, tab, bind, onProblem } = await openDevice()
    const ended = listen(world.sessions, 'ended')
    const client = tab()
    await bind(client)
    await lose(storage)
    world.expire()
    const cookies = world.jar.names
    expect((await client.fetch('/me')).status).toBe(401)
    expect(seen.refreshes).toHaveLength(3)
    expect(client.session).toStrictEqual(SIGNED_OUT)
    await client.fetch('/me')
    expect(onProblem.mock.calls).toStrictEqual([['device-unproven']])
    expect(world.jar.names).toStrictEqual(cookies)
    await bind(client)
    expect(ended).toMatchObject([{ reason: 'device' }])
    world.expire()
    expect((await client.fetch('/me')).status).toBe(200)
  })

  it('of a browser that proves itself is refreshed without the option', async () => {
    const { world, onProblem } = await openDevice()
    const client = world.client({ onProblem })
    await world.login(client)
    world.expire()
    let refused = 0
    world.intercept.set('POST /session/refresh', (pass) =>
      refused++ === 0 ? json(401, { code: 'device_proof_required', refresh: true }) : pass(),
    )
    expect((await client.fetch('/me')).status).toBe(200)
    expect(onProblem).not.toHaveBeenCalled()
  })

  it.each([
    ['fails', fail],
    ['hangs', hang],
  ])('is not signed out while its storage %s', async (_name, broken) => {
    const { world, storage, tab, bind, onProblem } = await openDevice()
    const client = tab()
    await bind(client)
    const { get } = storage
    storage.get = broken
    // A page that has never read the key.
    const other = tab()
    world.expire()
    expect(await settled(other.fetch('/me'))).toMatchObject({ reason: { message: 'refresh failed' } })
    expect(other.session.status).toBe('unknown')
    expect(onProblem.mock.calls).toStrictEqual([['storage-failed', expect.any(Error)]])
    if (broken === fail) expect((await client.fetch('/me')).status).toBe(200)
    storage.get = get
    expect((await other.fetch('/me')).status).toBe(200)
  })
})

describe('an unbound session', () => {
  it.each([
    ['fails', fail],
    ['hangs', hang],
  ])('works while the storage of keys %s', async (_name, broken) => {
    const { world, seen, storage, tab, onProblem } = await openDevice()
    Object.assign(storage, { get: broken, set: broken, add: broken })
    const client = tab()
    expect(await settled(world.login(client))).toMatchObject({ value: true })
    world.expire()
    expect(await settled(client.fetch('/me'))).toMatchObject({ value: { status: 200 } })
    await vi.advanceTimersByTimeAsync(600_000)
    expect(onProblem.mock.calls).toStrictEqual([['storage-failed', expect.any(Error)]])
    expect(seen).toMatchObject({ refreshes: [null], registrations: [] })
    expect(client.session).toStrictEqual(SIGNED_IN)
  })
})

describe('in bearer mode', () => {
  it('the key of the app signs, and the refresh token comes along', async () => {
    const { world, seen, bound, onProblem } = await openDevice()
    const signer = await appKey()
    const tokens = memoryTokens()
    const client = world.client({ tokens, device: bindDevice({ signer }), onProblem })
    await world.login(client)
    const before = (await tokens.load())!
    await vi.advanceTimersByTimeAsync(1000)
    await until(async () => expect((await tokens.load())!.accessToken).not.toBe(before.accessToken))
    expect(bound).toMatchObject([{ kind: 'native' }])
    expect((await tokens.load())!.refreshToken).toBe(before.refreshToken)
    await client.check()
    expect(noncesOf(seen.refreshes)).toStrictEqual(seen.challenges.slice(0, 1))
    // The app has started anew: the challenge was in memory.
    const restarted = world.client({ tokens, device: bindDevice({ signer }), onProblem })
    world.expire()
    expect((await restarted.fetch('/me')).status).toBe(200)
    expect(noncesOf(seen.refreshes).slice(1)).toStrictEqual([undefined, seen.challenges[2]])
    expect(onProblem).not.toHaveBeenCalled()
  })

  it('a session without its key keeps the tokens', async () => {
    const { world, bound, onProblem } = await openDevice()
    const tokens = memoryTokens()
    await world.login(world.client({ tokens, device: bindDevice({ signer: await appKey() }) }))
    await vi.advanceTimersByTimeAsync(1000)
    await until(() => expect(bound).toHaveLength(1))
    world.expire()
    const client = world.client({ tokens, onProblem })
    expect((await client.fetch('/me')).status).toBe(401)
    expect(client.session).toStrictEqual(SIGNED_OUT)
    expect(onProblem.mock.calls).toStrictEqual([['device-unproven']])
    expect(await tokens.load()).not.toBeNull()
  })

  it('a keystore that returns DER signs nobody out', async () => {
    const { world, bound, onProblem } = await openDevice()
    const signer = await appKey()
    const client = world.client({ tokens: memoryTokens(), device: bindDevice({ signer }), onProblem })
    await world.login(client)
    await vi.advanceTimersByTimeAsync(1000)
    await until(() => expect(bound).toHaveLength(1))
    signer.sign = async () => new Uint8Array(70)
    world.expire()
    await expect(client.fetch('/me')).rejects.toThrow('refresh failed')
    expect(onProblem.mock.calls).toMatchObject([
      ['storage-failed', { message: '`sign` must return 64 bytes: r and s, not DER' }],
    ])
  })
})

describe('a proof for a route', () => {
  const REQUEST = { method: 'get', url: 'https://api.example.com/me?x#y', accessToken: 'token' }

  it('has the hash of the access token', async () => {
    const device = bindDevice({ signer: await appKey() })
    const dpop = (await device.proof(REQUEST))!
    const { payload, isGenuine } = readProof(new Request('https://x.example', { headers: { dpop } }))!
    expect(isGenuine).toBe(true)
    expect(payload).toMatchObject({ htm: 'GET', htu: 'https://api.example.com/me', ath: sha256('token') })
    expect(payload).not.toHaveProperty('nonce')
  })

  it('is null without a key', async () => {
    expect(await bindWith({}, memoryStorage()).proof(REQUEST)).toBeNull()
  })

  it('is added to every request, if the application wants it', async () => {
    const { world } = await openDevice()
    const tokens = memoryTokens()
    const device = bindDevice({ signer: await appKey(), proveRequests: true })
    const client = world.client({ tokens, device })
    await world.login(client)
    const seen: unknown[] = []
    world.intercept.set('GET /me', (pass, request) => {
      seen.push(readProof(request)?.payload)
      return pass()
    })
    world.expire()
    const { accessToken } = (await tokens.load())!
    expect((await client.fetch('/me?x')).status).toBe(200)
    const renewed = (await tokens.load())!.accessToken
    expect(seen).toMatchObject(
      [accessToken, renewed].map((token) => ({
        htm: 'GET',
        htu: `${world.origin}/me`,
        ath: sha256(token),
      })),
    )
  })

  it('that is missing signs nobody out', async () => {
    const { world } = await openDevice()
    const client = world.client()
    await world.login(client)
    world.intercept.set('GET /me', () => json(401, { code: 'device_proof_required', refresh: false }))
    expect((await client.fetch('/me')).status).toBe(401)
    expect(client.session).toStrictEqual(SIGNED_IN)
    expect(world.count('POST /session/refresh')).toBe(0)
  })
})
