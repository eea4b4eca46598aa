import type { SessionClient } from './client.ts'
import type { Ticket } from './hooks.ts'
import { hidesReason, isBearer, isRedirected, isSafe, isStream, urlOf } from './request.ts'

/** The fields of an axios request that Pawl reads or sets. */
export interface AxiosConfigLike {
  /** The URL, absolute or relative to the base URL of the instance. */
  url?: string
  /** The method. */
  method?: string
  /** The body. */
  data?: unknown
  /** The headers. */
  headers?: unknown
  /** Whether to send cookies to another origin. */
  withCredentials?: boolean
}

/** The part of axios that Pawl uses: `axios` itself or an instance of `axios.create`, version 1.0 or later. */
export interface AxiosLike {
  /** The interceptors of the instance. */
  readonly interceptors: {
    /** The interceptors of requests. */
    readonly request: {
      /** Adds an interceptor. */
      use(
        // biome-ignore lint/suspicious/noExplicitAny: axios's own signature
        onFulfilled: (value: any) => any,
        onRejected: null,
        options: { synchronous: boolean },
      ): number
      /** Removes an interceptor. */
      eject(id: number): void
    }
  }
  /** Makes another instance. */
  create(config?: { baseURL?: string }): AxiosLike
  /** Sends a request. */
  request(config: AxiosConfigLike): Promise<unknown>
  /** Returns the URL of a request. */
  getUri(config?: AxiosConfigLike): string
}

type Adapter = (config: RequestConfig) => Promise<AxiosResponseLike>

interface RequestConfig extends AxiosConfigLike {
  headers: { toJSON(): object; get(name: string): unknown }
  adapter?: unknown
  transformRequest?: unknown
  responseType?: string
  signal?: Partial<AbortSignal>
  cancelToken?: { subscribe(listener: () => void): void; unsubscribe(listener: () => void): void }
  env?: { fetch?: typeof fetch }
  fetchOptions?: { keepalive?: boolean }
  /** The client that has this request in hand, if an adapter sends it through another wrapper of the same client. */
  pawl?: unknown
}

interface AxiosResponseLike {
  config: RequestConfig
  data: unknown
  readonly status: number
  readonly headers: { get(name: string): unknown }
  /** A `Request`, an `XMLHttpRequest`, or the request of Node.js. The last two have the URL that redirects led to. */
  readonly request?: { readonly responseURL?: string; readonly res?: { readonly responseUrl?: string } }
}

/** What axios and its adapters throw. */
interface AxiosErrorLike {
  config?: RequestConfig
  readonly response?: AxiosResponseLike
}

/**
 * Adds the client to an axios instance. The client repeats a request below all interceptors and transforms, so they see one
 * request and one response. Do not combine it with `attachXhr` or `attachFetch`, which replace the functions by which
 * axios sends.
 *
 * The option `timeout` of axios counts for each of the two requests, not for the refresh. A repeated request emits progress
 * events twice.
 * @returns a function that removes the client. The client still repeats requests that are under way
 *
 * @example
 * import { attachAxios } from 'pawl/client/axios'
 * const api = axios.create({ baseURL: 'https://api.example.com' })
 * attachAxios(client, api)
 */
export function attachAxios({ hooks }: SessionClient, axios: AxiosLike): () => void {
  // Adapters have names, which only axios itself can resolve. This instance sends a given configuration as it is.
  const bare = axios.create({ baseURL: '' })
  bare.interceptors.request.use(({ exact }) => exact(), null, { synchronous: true })

  /** Makes axios use the client's adapter. */
  function wrap(config: RequestConfig): RequestConfig {
    const { adapter } = config
    if (!wrappers.has(adapter as Adapter)) {
      const wrapper: Adapter = (sent) => handle(sent, adapter)
      wrappers.add(wrapper)
      config.adapter = wrapper
    }
    return config
  }

  /** A later interceptor may have replaced the adapter. Transforms run after all of them. */
  function wrapAgain(this: RequestConfig, data: unknown): unknown {
    wrap(this)
    return data
  }

  const transforms = ({ transformRequest }: RequestConfig): unknown[] =>
    [transformRequest ?? []].flat().filter((transform) => transform !== wrapAgain)

  /** Sends a request with its own adapter, and without transforms, which axios runs around {@link handle}. */
  async function send(config: RequestConfig, changes: Partial<RequestConfig>): Promise<AxiosResponseLike> {
    const sent = { ...config, transformRequest: [], transformResponse: [], ...changes }
    try {
      const response = (await bare.request({ exact: () => sent } as object)) as AxiosResponseLike
      response.config = config
      return response
    } catch (reason) {
      // The application may send this configuration again.
      const error = Object(reason) as AxiosErrorLike
      if (error.config) error.config = config
      if (error.response) error.response.config = config
      throw reason
    }
  }

  /** The adapter. Calls the application's adapter, twice if the session needs it. */
  async function handle(config: RequestConfig, adapter: unknown): Promise<AxiosResponseLike> {
    Object.assign(config, { adapter, transformRequest: transforms(config) })
    const { method = 'get', data, headers, responseType, env, fetchOptions } = config
    if (config.pawl === hooks || !hooks.covers(urlOf(bare.getUri({ ...config, params: null } as object))))
      return send(config, {})
    const isOnce = isStream(data) || typeof Object(data).pipe === 'function'

    async function attempt(repeats?: Ticket): Promise<AxiosResponseLike> {
      const ticket = await wait(
        config,
        hooks.before(method, repeats, isOnce || hidesReason(method, responseType), fetchOptions?.keepalive),
      )
      // Without a ticket the request was aborted, so axios throws. Another token says nothing about the session.
      if (!ticket || (ticket.withCredentials && isBearer(headers.get('authorization'))))
        return send(config, {})
      let failure: unknown
      const response = await send(config, {
        headers: {
          ...headers.toJSON(),
          ...headers,
          ...ticket.headers,
        } as unknown as RequestConfig['headers'],
        withCredentials: ticket.withCredentials,
        env: { ...env, fetch: observed(env?.fetch) },
        pawl: hooks,
      }).catch((error: AxiosErrorLike) => {
        failure = error
        return error?.response
      })
      if (response) {
        const { request } = response
        const url = (
          request?.responseURL ||
          request?.res?.responseUrl ||
          finalUrls.get(Object(request)) ||
          ''
        ).replace(/\/\/[^/]*@/, '//')
        if (
          // A response of another host says nothing about the session.
          (!url || hooks.covers(url)) &&
          (await wait(
            config,
            readBody(response).then((body) => hooks.after(ticket, response.status, body)),
          )) &&
          !isOnce &&
          // After a redirect, the request itself was carried out: only the page that it led to was refused.
          (!url || isSafe(method) || !isRedirected(urlOf(bare.getUri(config)), url))
        )
          return attempt(ticket)
      }
      if (failure) throw failure
      return response!
    }
    return attempt()
  }

  const interceptor = axios.interceptors.request.use(
    (config: RequestConfig) => {
      config.transformRequest = [...transforms(config), wrapAgain]
      return wrap(config)
    },
    null,
    // Otherwise axios would run synchronous interceptors of the application asynchronously.
    { synchronous: true },
  )
  return () => axios.interceptors.request.eject(interceptor)
}

const wrappers = new WeakSet<Adapter>()

/**
 * Waits for the client, or until the request is aborted.
 * @returns undefined if it was aborted: the next step of axios throws the error of that
 * @throws TypeError that looks like an axios error
 */
async function wait<T>(config: RequestConfig, call: Promise<T>): Promise<T | undefined> {
  const { signal, cancelToken } = config
  let abort!: () => void
  const aborted = new Promise<undefined>((resolve) => {
    abort = () => resolve(undefined)
  })
  signal?.addEventListener?.('abort', abort)
  cancelToken?.subscribe(abort)
  try {
    return await Promise.race([call, aborted])
  } catch (cause) {
    const { message, response } = cause as Error & { response?: Response }
    throw Object.assign(new TypeError(message, { cause }), {
      isAxiosError: true,
      code: 'ERR_NETWORK',
      config,
      request: {},
      response: response && {
        status: response.status,
        statusText: response.statusText,
        headers: Object.fromEntries(response.headers),
        data: await response.clone().text(),
        config,
      },
    })
  } finally {
    // A signal may live as long as the page.
    signal?.removeEventListener?.('abort', abort)
    cancelToken?.unsubscribe(abort)
  }
}

/** The body of a response, if the client needs it. The application can still read it. */
async function readBody(response: AxiosResponseLike): Promise<unknown> {
  const { data, headers, status } = response
  if (!isStream(data)) return data
  // A body of another type may be large or endless.
  if (!/40[13]/.test(`${status}`) || !/json/.test(`${headers.get('content-type')}`)) return undefined
  const bytes = await new Response(data as BodyInit).arrayBuffer()
  const { pipe, constructor: Stream } = data as { pipe?: unknown; constructor: unknown }
  response.data = pipe
    ? (Stream as NodeStreams).from([new Uint8Array(bytes)], { objectMode: false })
    : new Response(bytes).body
  return bytes
}

/** The class of a stream of Node.js. */
interface NodeStreams {
  from(chunks: Uint8Array[], options: { objectMode: boolean }): unknown
}

/** The URLs that redirects led to, by `Request`: axios's fetch adapter does not tell them. */
const finalUrls = new WeakMap<object, string>()
/** axios keeps every `fetch` that it was given, so each one has one observer. */
const observers = new WeakMap<object, typeof fetch>()

function observed(original?: typeof fetch): typeof fetch {
  const key = original ?? observers
  const observer: typeof fetch =
    observers.get(key) ??
    (async (request, init) => {
      const response = await (original ?? fetch)(request, init)
      finalUrls.set(Object(request), response.url)
      return response
    })
  observers.set(key, observer)
  return observer
}
