import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import axios, { AxiosError, type AxiosInstance, type AxiosRequestConfig, isAxiosError } from 'axios'
import { describe, expect, it, vi } from 'vitest'
import { attachAxios } from '../../src/client/attach-axios.ts'
import { memoryTokens, type SessionClient } from '../../src/client/index.ts'
import { defer, json, openWorld, type World } from './support/world.ts'

function api(world: World): ReturnType<typeof axios.create> {
  return axios.create({
    baseURL: world.origin,
    adapter: 'fetch',
    env: { fetch: world.fetch, Request, Response },
  } as object)
}

describe('attachAxios', () => {
  it('refreshes once and repeats requests with their bodies, until it is detached', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    const http = api(world)
    const detach = attachAxios(client, http)
    world.expire()
    const [got, posted] = await Promise.all([http.get('/me'), http.post('/notes', { text: 'note' })])
    expect([got.data.id, JSON.parse(posted.data.body)]).toStrictEqual(['anna', { text: 'note' }])
    expect(world.count('POST /session/refresh')).toBe(1)
    detach()
    world.expire()
    await expect(http.get('/me')).rejects.toMatchObject({ response: { status: 401 } })
  })

  it('repeats a request only once, also if axios does not treat 401 as an error', async () => {
    const world = await openWorld()
    const client = world.client({ onProblem: () => {} })
    await world.login(client)
    const http = api(world)
    attachAxios(client, http)
    let requests = 0
    world.intercept.set('GET /me', () => {
      requests++
      return json(401, { code: 'access_token_expired', refresh: true })
    })
    const response = await http.get('/me', { validateStatus: () => true })
    expect([response.status, requests, world.count('POST /session/refresh')]).toStrictEqual([401, 2, 1])
  })

  it("does not handle the application's own 401 or requests to other hosts", async () => {
    const world = await openWorld()
    const client = world.client({ baseUrl: 'https://api.example.com' })
    const http = api(world)
    attachAxios(client, http)
    const error: unknown = await http.get('/theirs').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(AxiosError)
    expect(error).toMatchObject({ response: { status: 401, data: { error: 'not ours' } } })
    expect((error as AxiosError).config!.withCredentials).toBeUndefined()
    const ours = api(world)
    attachAxios(world.client(), ours)
    await expect(ours.get('/theirs')).rejects.toMatchObject({ response: { status: 401 } })
    expect(world.count('POST /session/refresh')).toBe(0)
  })

  it('fails like a request without a network if the refresh fails', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    const http = api(world)
    attachAxios(client, http)
    world.expire()
    world.intercept.set('POST /session/refresh', () => json(503, { code: 'unavailable' }))
    await expect(http.get('/me')).rejects.toMatchObject({ name: 'TypeError', response: { status: 503 } })
    expect(client.session.status).toBe('signed-in')
  })
})

interface Scenario {
  /** Configures the instance. `attach` attaches the client. */
  readonly set?: (http: AxiosInstance, attach: () => void) => void
  readonly config?: () => AxiosRequestConfig
}

const POST =
  (data: unknown, more: AxiosRequestConfig = {}) =>
  (): AxiosRequestConfig => ({
    method: 'post',
    data,
    ...more,
  })

/** What an application may set up around its requests. */
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'nothing else': {},
  'an object as body': { config: POST({ text: 'a note' }) },
  'a form as body': { config: POST(new URLSearchParams({ a: '1' })) },
  'a response interceptor that unwraps, before': {
    set(http, attach) {
      http.interceptors.response.use((response) => response.data)
      attach()
    },
  },
  'a response interceptor that unwraps, after': {
    set(http, attach) {
      attach()
      http.interceptors.response.use((response) => response.data)
    },
  },
  'request interceptors that edit the URL, before and after': {
    set(http, attach) {
      http.interceptors.request.use((config) => ({ ...config, url: `/v1${config.url}` }))
      attach()
      http.interceptors.request.use((config) => Object.assign(config, { url: `/api${config.url}` }))
    },
  },
  'request interceptors that encode the body, before and after': {
    set(http, attach) {
      const encode = (config: { data?: unknown }): never =>
        Object.assign(config, { data: { encoded: config.data } }) as never
      http.interceptors.request.use(encode)
      attach()
      http.interceptors.request.use(encode)
    },
    config: POST('a note'),
  },
  'a transform that encodes the body': {
    config: POST({ text: 'a note' }, { transformRequest: (data) => JSON.stringify({ encoded: data }) }),
  },
  'a transform that consumes the body': {
    config: POST(
      { text: 'a note' },
      {
        transformRequest: [
          (data) => {
            const sent = JSON.stringify(data)
            data.text = ''
            return sent
          },
        ],
      },
    ),
  },
  'transforms of the instance': {
    set(http, attach) {
      http.defaults.transformRequest = [(data) => `<${data}>`]
      http.defaults.transformResponse = [(data) => ({ read: data })]
      attach()
    },
    config: POST('a note'),
  },
  'parameters and their serializer': {
    config: () => ({ params: { a: [1, 2] }, paramsSerializer: (params) => JSON.stringify(params) }),
  },
  'a base URL of the request': { config: () => ({ url: 'notes', allowAbsoluteUrls: false }) },
  'a body of a JSON string': { config: POST('"text"', { headers: { 'content-type': 'application/json' } }) },
  'headers of the request': { config: () => ({ headers: { 'X-Mine': '1', Accept: 'application/json' } }) },
  'any status is fine': { config: () => ({ validateStatus: () => true }) },
  'a status that is refused': { config: () => ({ validateStatus: (status) => status === 418 }) },
  'responseType text': { config: () => ({ responseType: 'text' }) },
  'responseType arraybuffer': { config: () => ({ responseType: 'arraybuffer' }) },
  'responseType stream': { config: () => ({ responseType: 'stream' }) },
  'asynchronous and conditional interceptors': {
    set(http, attach) {
      http.interceptors.request.use(async (config) => config)
      attach()
      http.interceptors.request.use((config) => config, null, { runWhen: () => false })
      http.interceptors.response.use(async (response) => ({ ...response, seen: true }))
    },
  },
  'an interceptor of before that wraps the adapter': {
    set(http, attach) {
      http.interceptors.request.use((config) => {
        const inner = axios.getAdapter(config.adapter, config as never)
        config.adapter = async (sent) => inner(sent)
        return config
      })
      attach()
    },
  },
  'an interceptor of before that copies the configuration, with another adapter': {
    set(http, attach) {
      const { adapter } = http.defaults
      http.interceptors.request.use((config) => ({ ...config, adapter: [adapter as 'http'] }))
      attach()
    },
  },
  'an interceptor of before that removes the base URL': {
    set(http, attach) {
      const { baseURL = '' } = http.defaults
      http.defaults.baseURL = 'https://elsewhere.example'
      http.interceptors.request.use(({ baseURL: _, ...config }) => ({ ...config, url: baseURL + config.url }))
      attach()
    },
    config: () => ({ allowAbsoluteUrls: false }),
  },
  'attached twice': {
    set(_http, attach) {
      attach()
      attach()
    },
  },
}
async function readable(value: unknown): Promise<unknown> {
  if (value instanceof ArrayBuffer || value instanceof Uint8Array)
    return Buffer.from(value as never).toString()
  if (value instanceof Blob) return value.text()
  if (value instanceof ReadableStream || value instanceof Readable) return text(value as Readable)
  return value
}

async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  async function shape(result: unknown): Promise<unknown> {
    if (result === null || typeof result !== 'object' || !('config' in result)) return readable(result)
    const { status, statusText, data, seen } = result as Record<string, unknown>
    return { status, statusText, seen, data: await readable(data) }
  }
  return call.then(
    async (result) => ({ result: await shape(result) }),
    async (error: AxiosError) => ({
      error: [error.name, error.message, error.code],
      response: await shape(error.response),
    }),
  )
}

/** Runs a request of a user who is signed in. */
async function run(
  transport: 'fetch' | 'http',
  { set = (_http, attach) => attach(), config = () => ({}) }: Scenario,
  isExpired: boolean,
): Promise<{ outcome: unknown; log: string[] }> {
  const world = await openWorld()
  const client = world.client(transport === 'http' ? { tokens: memoryTokens() } : {})
  await world.login(client)
  world.log.length = 0
  const http = transport === 'http' ? axios.create({ baseURL: world.origin, adapter: 'http' }) : api(world)
  set(http, () => attachAxios(client, http))
  if (isExpired) world.expire()
  const outcome = await outcomeOf(http.request({ url: '/notes', ...config() }))
  return { outcome, log: world.log }
}

describe.each(['fetch', 'http'] as const)('a request by the %s adapter after an expiry', (transport) => {
  it.each(Object.keys(SCENARIOS))('gives what it would have given before: %s', async (name) => {
    const scenario = SCENARIOS[name]!
    const before = await run(transport, scenario, false)
    const after = await run(transport, scenario, true)
    expect(before.log).toHaveLength(1)
    expect(after.log).toStrictEqual([...before.log, 'POST /session/refresh', ...before.log])
    expect(after.outcome).toStrictEqual(before.outcome)
  })
})

describe('attachAxios beside other code', () => {
  async function signedIn(): Promise<{ world: World; client: SessionClient; http: AxiosInstance }> {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    world.log.length = 0
    return { world, client, http: api(world) }
  }

  it('lets an interceptor of before unwrap a body of null', async () => {
    const { world, client, http } = await signedIn()
    http.interceptors.response.use((response) => response.data)
    attachAxios(client, http)
    world.intercept.set('GET /null', async (pass) => {
      const response = await pass()
      return response.ok ? json(200, null) : response
    })
    expect(await http.get('/null')).toBeNull()
    world.expire()
    expect(await http.get('/null')).toBeNull()
  })

  it.each(['a function', 'names'])('uses the adapter of the request: %s', async (kind) => {
    const { world, client, http } = await signedIn()
    const adapter =
      kind === 'names'
        ? (['xhr', 'fetch'] as const)
        : vi.fn(axios.getAdapter('fetch', http.defaults as never))
    attachAxios(client, http)
    world.expire()
    expect((await http.get('/me', { adapter: adapter as never })).data).toMatchObject({ id: 'anna' })
    if (typeof adapter === 'function') expect(adapter).toHaveBeenCalledTimes(2)
  })

  it.each(['before', 'after'])('sees a mock adapter that is set %s it is attached', async (when) => {
    const { client, http } = await signedIn()
    const mock = vi.fn(async (config) => ({
      config,
      data: 'mocked',
      status: 200,
      statusText: '',
      headers: {},
    }))
    if (when === 'before') http.defaults.adapter = mock
    attachAxios(client, http)
    if (when === 'after') http.defaults.adapter = mock
    expect((await http.get('/me')).data).toBe('mocked')
  })

  it('repeats a request that an interceptor of the application sends again', async () => {
    const { world, client, http } = await signedIn()
    attachAxios(client, http)
    let retries = 0
    http.interceptors.response.use(undefined, (error: AxiosError) =>
      retries++ === 0 ? http.request(error.config!) : Promise.reject(error),
    )
    let answers = [() => json(503, {})]
    world.intercept.set('POST /notes', (pass) => answers.pop()?.() ?? pass())
    world.expire()
    const { data } = await http.post('/notes', { text: 'a note' })
    expect([JSON.parse(data.body), retries]).toStrictEqual([{ text: 'a note' }, 1])
    answers = []
    world.expire()
    expect((await http.post('/notes', 'again')).status).toBe(200)
  })

  it('sends a stream after a refresh, and only once', async () => {
    const world = await openWorld()
    const tokens = memoryTokens()
    await world.login(world.client({ tokens }))
    world.expire()
    world.log.length = 0
    const http = axios.create({ baseURL: world.origin, adapter: 'http' })
    attachAxios(world.client({ tokens }), http)
    const { data } = await http.post('/notes', Readable.from(['a long ', 'upload']))
    expect([data.body, world.log]).toStrictEqual(['a long upload', ['POST /session/refresh', 'POST /notes']])
  })

  it('ends an aborted request at once as axios does, while the refresh goes on', async () => {
    const { world, client, http } = await signedIn()
    attachAxios(client, http)
    world.expire()
    const late = defer()
    const refreshing = defer()
    world.intercept.set('POST /session/refresh', async (pass) => {
      refreshing.resolve()
      await late.promise
      return pass()
    })
    const controller = new AbortController()
    const aborted = http.get('/slow', { signal: controller.signal })
    const other = http.get('/me')
    await refreshing.promise
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ name: 'CanceledError', code: 'ERR_CANCELED' })
    late.resolve()
    expect((await other).status).toBe(200)
  })

  it('leaves a request with the token of another service alone', async () => {
    const { world, client, http } = await signedIn()
    attachAxios(client, http)
    const headers = { authorization: 'Bearer of-another-service' }
    await expect(http.get('/me', { headers })).rejects.toMatchObject({ response: { status: 401 } })
    expect([client.session.status, world.log]).toStrictEqual(['signed-in', ['GET /me']])
  })

  it('does not repeat what changes something and was redirected', async () => {
    const world = await openWorld()
    const client = world.client({ tokens: memoryTokens() })
    await world.login(client)
    const http = axios.create({ baseURL: world.origin, adapter: 'http' })
    attachAxios(client, http)
    let sent = 0
    http.interceptors.request.use((config) => config)
    http.defaults.adapter = async (config) => {
      sent++
      const error = new AxiosError('refused', 'ERR_BAD_REQUEST', config, {
        responseURL: `${world.origin}/login`,
      })
      throw Object.assign(error, {
        response: {
          config,
          status: 401,
          data: JSON.stringify({ code: 'access_token_expired', refresh: true }),
          headers: new Headers({ 'content-type': 'application/json' }),
          request: { responseURL: `${world.origin}/login` },
        },
      })
    }
    await expect(http.post('/upgrade')).rejects.toMatchObject({ response: { status: 401 } })
    expect(sent).toBe(1)
    await expect(http.get('/old')).rejects.toMatchObject({ response: { status: 401 } })
    expect(sent).toBe(3)
  })

  it('does not repeat what was redirected in the fetch adapter', async () => {
    const { world, client, http } = await signedIn()
    attachAxios(client, http)
    let sent = 0
    world.intercept.set('POST /notes', () => {
      sent++
      const response = json(401, { code: 'access_token_expired', refresh: true })
      return Object.defineProperty(response, 'url', { value: `${world.origin}/notes?saved` })
    })
    await expect(http.post('/notes', 'a note')).rejects.toMatchObject({ response: { status: 401 } })
    expect(sent).toBe(1)
  })

  it('ends a request that its CancelToken cancels during the refresh', async () => {
    const { world, client, http } = await signedIn()
    attachAxios(client, http)
    world.expire()
    const { token, cancel } = axios.CancelToken.source()
    world.intercept.set('POST /session/refresh', () => {
      cancel('enough')
      return new Promise(() => {})
    })
    await expect(http.get('/me', { cancelToken: token })).rejects.toMatchObject({
      name: 'CanceledError',
      message: 'enough',
    })
  })

  it('gives the application its own configuration back, without a token', async () => {
    const world = await openWorld()
    const client = world.client({ tokens: memoryTokens() })
    await world.login(client)
    const http = api(world)
    const configs: unknown[] = []
    http.interceptors.request.use((config) => {
      configs.push(config)
      return config
    })
    attachAxios(client, http)
    world.expire()
    const { config } = await http.get('/me')
    expect(config).toBe(configs[0])
    expect([config.adapter, config.headers.has('authorization'), 'pawl' in config]).toStrictEqual([
      'fetch',
      false,
      false,
    ])
  })

  it('gives each request its own error if the server refuses their refresh', async () => {
    const { world, client, http } = await signedIn()
    attachAxios(client, http)
    world.expire()
    world.intercept.set('POST /session/refresh', () =>
      json(503, { code: 'unavailable' }, { 'retry-after': '7' }),
    )
    const errors = await Promise.all(
      ['/me', '/notes'].map((url) => http.get(url).catch((error: AxiosError) => error as AxiosError)),
    )
    for (const [i, url] of ['/me', '/notes'].entries())
      expect(errors[i]).toMatchObject({
        config: { url },
        response: { status: 503, data: { code: 'unavailable' }, headers: { 'retry-after': '7' } },
      })
  })

  it('gives the error of a failed refresh the parts of an axios error', async () => {
    const { world, client, http } = await signedIn()
    attachAxios(client, http)
    world.expire()
    world.intercept.set('POST /session/refresh', () => Promise.reject(new TypeError('offline')))
    const error: unknown = await http.get('/me').catch((reason: unknown) => reason)
    expect(isAxiosError(error)).toBe(true)
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_NETWORK', config: { url: '/me' } })
    expect((error as AxiosError).response).toBeUndefined()
  })

  it('leaves no trace on an instance after it is detached, nor on other hosts', async () => {
    const { world, client, http } = await signedIn()
    attachAxios(client, http)()
    const { config } = await http.get('/public')
    expect([config.adapter, config.transformRequest]).toStrictEqual(['fetch', http.defaults.transformRequest])
    world.expire()
    await expect(http.get('/me')).rejects.toMatchObject({ response: { status: 401 } })
    expect(world.count('POST /session/refresh')).toBe(0)
  })
})
