import { type SessionClient, urlOf } from './client.ts'
import type { Ticket } from './hooks.ts'

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
}

/**
 * Adds the client to an instance of axios by interceptors. Not together with `attachXhr` or `attachFetch`, which replace
 * what axios uses underneath.
 * @returns its undo
 *
 * @example
 * const api = axios.create({ baseURL: 'https://api.example.com' })
 * attachAxios(client, api)
 */
export function attachAxios({ hooks }: SessionClient, axios: AxiosLike): () => void {
  const { request, response } = axios.interceptors

  async function settle({ config, status, data }: Answered): Promise<unknown> {
    const { ticket } = config ?? {}
    if (!ticket || !status || !(await hooks.after(ticket, status, data))) return undefined
    return axios.request({ ...config, repeats: ticket } as Known)
  }

  const going = request.use(async (config: Known) => {
    if (!hooks.covers(urlOf(axios.getUri(config)))) return config
    const ticket = await hooks.before(config.method ?? 'get', config.repeats, isPiped(config.data))
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

function isPiped(data: unknown): boolean {
  return !!(data as { pipe?: unknown } | undefined)?.pipe
}
