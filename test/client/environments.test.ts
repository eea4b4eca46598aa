import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type * as pawl from '../../src/client/index.ts'
import type * as native from '../../src/client/native/index.ts'
import { createDevice, fakeSecureStore } from './support/fake-keychains.ts'
import { nativeGlobals } from './support/native-globals.ts'
import { json, openWorld, until, type World } from './support/world.ts'

/*
 * docs/guides/frontend.md lists what the client needs of its environment. Here its code runs in realms that have the language,
 * these globals and nothing else.
 */

type Globals = Readonly<Record<string, unknown>>

let code: string
beforeAll(async () => {
  const contents = "export * from './src/client/index.ts'; export * from './src/client/native/index.ts'"
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: '.' },
    bundle: true,
    format: 'iife',
    globalName: 'pawl',
    target: 'es2022',
    write: false,
  })
  code = outputFiles[0]!.text
})

/** The client as an environment with these globals evaluates it, with `pawl/client/native`. */
function load(globals: Globals): typeof pawl & typeof native {
  const context = createContext({ ...globals })
  runInContext(code, context)
  return context['pawl']
}

const needed = (fetch: typeof globalThis.fetch): Globals => ({
  fetch,
  Request,
  Response,
  Headers,
  AbortController,
  setTimeout,
  clearTimeout,
  console,
})

/** What a page has besides, as far as the client may use it. */
const optional = (origin: string): Globals => ({
  location: { origin },
  origin,
  addEventListener: () => {},
  removeEventListener: () => {},
  performance,
  queueMicrotask,
  DOMException,
  AbortSignal,
  ReadableStream,
  URL,
  navigator: {
    locks: { request: async (_name: string, _options: object, run: () => Promise<unknown>) => run() },
  },
  BroadcastChannel: class {
    postMessage(): void {}
    close(): void {}
  },
})

/** Signs in, sends requests, outlives an expiry, gives a request up, and signs out. */
async function useClient(
  world: World,
  client: pawl.SessionClient<never>,
  Controller: typeof AbortController,
): Promise<void> {
  onTestFinished(() => client.close())
  const refreshes = world.count('POST /session/refresh')
  expect(await world.login(client)).toBe(true)
  expect(await (await client.fetch('/me')).json()).toMatchObject({ id: 'anna' })
  world.expire()
  const responses = [
    client.fetch('/me'),
    client.fetch('/notes', { method: 'POST', headers: { 'x-note': '1' }, body: 'text' }),
  ]
  const bodies = await Promise.all(responses.map(async (response) => (await response).json()))
  expect(bodies).toMatchObject([{ body: '' }, { body: 'text' }])
  expect(world.count('POST /session/refresh')).toBe(refreshes + 1)
  expect((await client.check()).status).toBe('signed-in')

  world.intercept.set('GET /slow', () => new Promise(() => {}))
  const slow = new Controller()
  const given = client.fetch('/slow', { signal: slow.signal })
  slow.abort()
  await expect(given).rejects.toMatchObject({ name: 'AbortError' })
  await expect(client.fetch('/me', { signal: slow.signal })).rejects.toMatchObject({ name: 'AbortError' })

  world.intercept.set('GET /offline', () => Promise.reject(new TypeError('Network request failed')))
  await expect(client.fetch('/offline')).rejects.toMatchObject({ name: 'TypeError' })
  world.intercept.set('POST /session/refresh', () => json(503, { code: 'unavailable', refresh: false }))
  world.expire()
  expect((await client.fetch('/me')).status).toBe(503)
  world.intercept.clear()

  await client.signOut()
  expect(client.session.status).toBe('signed-out')
  expect((await client.fetch('/me')).status).toBe(401)
}

const MODES = [
  ['cookie mode', () => ({})],
  ['bearer mode', () => ({ tokens: true })],
] as const

describe.each(MODES)('in %s the client', (_mode, mode) => {
  const optionsOf = ({ memoryTokens }: typeof pawl, baseUrl: string): pawl.SessionClientOptions<never> => ({
    baseUrl,
    onProblem: expect.unreachable,
    ...('tokens' in mode() && { tokens: memoryTokens() }),
  })

  it('needs no more than the globals that the documentation lists', async () => {
    const world = await openWorld()
    const module = load(needed(world.fetch))
    const client = module.createSessionClient<never>(optionsOf(module, world.origin))
    await useClient(world, client, AbortController)
  })

  it.each(Object.keys(optional('')))('does without `%s`', async (name) => {
    const world = await openWorld()
    const globals: Record<string, unknown> = { ...optional(world.origin), ...needed(world.fetch) }
    delete globals[name]
    const module = load(globals)
    const client = module.createSessionClient<never>(optionsOf(module, world.origin))
    await useClient(world, client, AbortController)
  })
})

it('without a page, and without `baseUrl`, the first request names the option', async () => {
  const world = await openWorld()
  const client = load(needed(world.fetch)).createSessionClient()
  await expect(client.fetch('/me')).rejects.toMatchObject({
    name: 'TypeError',
    message: expect.stringContaining('`baseUrl`'),
  })
})

describe('in React Native, whose fetch is a polyfill, the client', () => {
  async function openNative(): Promise<{
    world: World
    client: pawl.SessionClient<never>
    globals: ReturnType<typeof nativeGlobals>
  }> {
    const world = await openWorld()
    const globals = nativeGlobals(world.fetch)
    const { createSessionClient, memoryTokens } = load(globals)
    const client = createSessionClient<never>({ baseUrl: world.origin, tokens: memoryTokens() })
    return { world, client, globals }
  }

  it('works, although signals have no reason and responses no stream', async () => {
    const { world, client, globals } = await openNative()
    await useClient(world, client, globals.AbortController as never)
  })

  it.each([
    ['with `atob`', { atob }, { id: 'anna' }],
    ['without `atob`, where it remembers no user', {}, undefined],
  ])('keeps its tokens in SecureStore, %s', async (_name, given, remembered) => {
    const world = await openWorld()
    const { createSessionClient, secureStoreTokens } = load({ ...nativeGlobals(world.fetch), ...given })
    const device = createDevice()
    const tokens = secureStoreTokens(fakeSecureStore(device))
    const options = { baseUrl: world.origin, onProblem: () => {} }
    const user = tokens.rememberUser(async (fetch) => ({ id: (await (await fetch('/me')).json()).id }))
    await useClient(world, createSessionClient<never>({ ...options, tokens }), AbortController)
    const client = createSessionClient({ ...options, tokens, user })
    await world.login(client)
    await tokens.load()
    world.intercept.set('GET /me', () => Promise.reject(new TypeError('Network request failed')))
    const next = createSessionClient({ ...options, tokens, user })
    expect((await next.check()).user ?? undefined).toEqual(remembered)
  })

  it('takes a `Request`, and repeats it with its body', async () => {
    const { world, client, globals } = await openNative()
    await world.login(client)
    world.expire()
    const request = new globals.Request(`${world.origin}/notes`, { method: 'POST', body: 'text' })
    expect(await (await client.fetch(request as never)).json()).toMatchObject({ body: 'text' })
    expect(world.count('POST /notes')).toBe(2)
  })

  it('gives up a request that waits for a refresh', async () => {
    const { world, client, globals } = await openNative()
    await world.login(client)
    world.expire()
    world.intercept.set('POST /session/refresh', () => new Promise(() => {}))
    const giveUp = new globals.AbortController()
    const waiting = client.fetch('/me', { signal: giveUp.signal as never })
    await until(() => expect(world.count('GET /me')).toBe(1))
    giveUp.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('does not repeat a request that was redirected, although responses do not say so', async () => {
    const { world, client } = await openNative()
    await world.login(client)
    let done = 0
    world.intercept.set('POST /orders', () => {
      done++
      const refused = json(401, { code: 'access_token_expired', refresh: true })
      return Object.defineProperty(refused, 'url', { value: `${world.origin}/orders/1` })
    })
    expect((await client.fetch('/orders', { method: 'POST' })).status).toBe(401)
    expect(done).toBe(1)
  })
})

describe('a `fetch` of another library', () => {
  /** A response of another class, which is not `Response`. */
  const foreign = (response: Response): Response =>
    new Proxy({} as Response, {
      get(_, name) {
        if (name === 'clone') return () => foreign(response.clone())
        const value: unknown = Reflect.get(response, name)
        return typeof value === 'function' ? value.bind(response) : value
      },
    })

  it('may have responses of its own class, and take no `Request`', async () => {
    const world = await openWorld()
    const fetch = async (input: unknown, init?: RequestInit): Promise<Response> => {
      if (typeof input !== 'string') throw new TypeError('takes URLs only')
      return foreign(await world.fetch(input, init))
    }
    const client = world.client({ fetch: fetch as typeof globalThis.fetch })
    await useClient(world, client as never, AbortController)
  })
})
