import type { SessionClient } from './client.ts'
import type { Ticket } from './hooks.ts'
import { isRedirected, isSafe, urlOf } from './request.ts'

/** The fields of an axios request that Pawl reads or sets. */
export interface AxiosConfigLike {
  method?: string
  data?: unknown
  headers?: unknown
  withCredentials?: boolean
}

/** The part of axios that Pawl uses. Any instance since version 1.0 fits. */
export interface AxiosLike {
  readonly interceptors: {
    readonly request: Interceptors
    readonly response: Interceptors
  }
  request(config: AxiosConfigLike): Promise<unknown>
  getUri(config?: AxiosConfigLike): string
}

interface Interceptors {
  // biome-ignore lint/suspicious/noExplicitAny: axios's own signature
  use(onFulfilled: (value: any) => any, onRejected?: (error: any) => any): number
  eject(id: number): void
}

interface RequestConfig extends AxiosConfigLike {
  headers: Record<string, string>
  /** The ticket of this request. */
  ticket?: Ticket
  /** The ticket of the request that this one repeats. */
  repeats?: Ticket | undefined
}

interface AxiosResponseLike {
  readonly config?: RequestConfig
  readonly status?: number
  readonly data?: unknown
  /** An `XMLHttpRequest`, or the request of Node.js. It has the URL that redirects led to. */
  readonly request?: { readonly responseURL?: string; readonly res?: { readonly responseUrl?: string } }
}

/**
 * Adds the client to an axios instance by interceptors. Do not combine it with `attachXhr` or `attachFetch`, which
 * replace the functions that axios sends with.
 * @returns a function that removes the interceptors
 *
 * @example
 * import { attachAxios } from 'pawl/client/axios'
 * const api = axios.create({ baseURL: 'https://api.example.com' })
 * attachAxios(client, api)
 */
export function attachAxios({ hooks }: SessionClient, axios: AxiosLike): () => void {
  const { request, response } = axios.interceptors

  /** @returns the response to a repetition; undefined if the request is not repeated */
  async function repeat({ config, status, data, request }: AxiosResponseLike): Promise<unknown> {
    const { ticket, method = 'get' } = config ?? {}
    const responseUrl = request?.responseURL || request?.res?.responseUrl
    // Only the application may read a stream, and a response of another host says nothing about the session.
    if (!ticket || !status || isStream(data) || (responseUrl && !hooks.covers(responseUrl))) return undefined
    if (!(await hooks.after(ticket, status, data)) || isStream(config!.data)) return undefined
    // After a redirect, the request itself was carried out: only the page that it led to was refused.
    if (responseUrl && !isSafe(method) && isRedirected(urlOf(axios.getUri(config)), responseUrl))
      return undefined
    return axios.request({ ...config, repeats: ticket } as RequestConfig)
  }

  const requestInterceptor = request.use(async (config: RequestConfig) => {
    if (!hooks.covers(urlOf(axios.getUri(config)))) return config
    const ticket = await hooks.before(config.method ?? 'get', config.repeats, isStream(config.data))
    config.withCredentials = ticket.withCredentials
    Object.assign(config.headers, ticket.headers)
    // The application may use the configuration for another request, which is no repetition.
    return Object.assign(config, { ticket, repeats: undefined })
  })
  const responseInterceptor = response.use(
    async (response: AxiosResponseLike) => (await repeat(response)) ?? response,
    async (error: { readonly response?: AxiosResponseLike }) => {
      const repeated = await repeat(error.response ?? {})
      if (repeated) return repeated
      throw error
    },
  )
  return () => {
    request.eject(requestInterceptor)
    response.eject(responseInterceptor)
  }
}

/** Whether axios can send or read this only once: axios takes every object with a `pipe` method for a stream. */
function isStream(data: unknown): boolean {
  const object = Object(data)
  return typeof (object.pipe ?? object.getReader) === 'function'
}
