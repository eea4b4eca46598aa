import type { SessionClient } from './client.ts'
import type { Ticket } from './hooks.ts'
import { isSafe, urlOf } from './request.ts'

/** What of a request's configuration is looked at. */
export interface AxiosConfigLike {
  method?: string
  data?: unknown
  headers?: unknown
  withCredentials?: boolean
}

/** What of axios is used: any instance since 1.0 fits. */
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

interface Known extends AxiosConfigLike {
  headers: Record<string, string>
  /** Of this request. */
  ticket?: Ticket
  /** Of the one it repeats. */
  repeats?: Ticket | undefined
}

interface Answered {
  readonly config?: Known
  readonly status?: number
  readonly data?: unknown
  /** Of `XMLHttpRequest`, or of what Node.js sends with: where redirects have led. */
  readonly request?: { readonly responseURL?: string; readonly res?: { readonly responseUrl?: string } }
}

/**
 * Adds the client to an instance of axios by interceptors. Not together with `attachXhr` or `attachFetch`, which replace
 * what axios uses underneath.
 * @returns its undo
 *
 * @example
 * import { attachAxios } from 'pawl/client/axios'
 * const api = axios.create({ baseURL: 'https://api.example.com' })
 * attachAxios(client, api)
 */
export function attachAxios({ hooks }: SessionClient, axios: AxiosLike): () => void {
  const { request, response } = axios.interceptors

  async function settle({ config, status, data, request }: Answered): Promise<unknown> {
    const { ticket, method = 'get' } = config ?? {}
    const led = request?.responseURL || request?.res?.responseUrl
    // A stream is the application's to read, and an answer from elsewhere says nothing of the session.
    if (!ticket || !status || isStream(data) || (led && !hooks.covers(led))) return undefined
    if (!(await hooks.after(ticket, status, data)) || isStream(config!.data)) return undefined
    // Whatever answered with a redirect has done its work.
    if (led && !isSafe(method) && led !== urlOf(axios.getUri(config)).replace(/#.*/, '')) return undefined
    return axios.request({ ...config, repeats: ticket } as Known)
  }

  const going = request.use(async (config: Known) => {
    if (!hooks.covers(urlOf(axios.getUri(config)))) return config
    const ticket = await hooks.before(config.method ?? 'get', config.repeats, isStream(config.data))
    config.withCredentials = ticket.withCredentials
    Object.assign(config.headers, ticket.headers)
    // So that somebody who uses the configuration again does not send a repetition.
    return Object.assign(config, { ticket, repeats: undefined })
  })
  const coming = response.use(
    async (answered: Answered) => (await settle(answered)) ?? answered,
    async (error: { readonly response?: Answered }) => {
      const repeated = await settle(error.response ?? {})
      if (repeated) return repeated
      throw error
    },
  )
  return () => {
    request.eject(going)
    response.eject(coming)
  }
}

/** Something that is gone once it was sent or read. */
function isStream(data: unknown): boolean {
  const object = Object(data)
  return typeof (object.pipe ?? object.getReader) === 'function'
}
