import type { Sessions } from '../core/api.ts'
import { processWarnings } from '../core/observability/logger.ts'
import type { Starting } from '../core/start/starting.ts'
import { isSessionsError } from '../portable/errors.ts'
import { transportOf } from '../wire/credentials.ts'
import { answersOf } from './answers.ts'
import { isPlainLocalhost } from './cookies.ts'
import { createCors } from './cors.ts'
import type { Exchange, Reply } from './exchange.ts'
import { isHandshake } from './incoming-request.ts'
import type { ResolvedHttpOptions } from './options/resolve.ts'
import { problemOf, problemReply } from './problem.ts'
import type { Handled, SessionsOverHttp } from './sessions-over-http.ts'

/** Seconds. */
const RETRY_AFTER = 1

/** Sessions that are made at the first request. If they cannot be made, every request is answered with 503. */
export function lazyHttp<Claims extends object, Data>(
  starting: Starting<Claims, Data>,
  options: ResolvedHttpOptions,
  create: (sessions: Sessions<Claims, Data>) => SessionsOverHttp<Claims, Data>,
): SessionsOverHttp<Claims, Data> {
  const cors = options.cors ? createCors(options) : null
  let current: { readonly sessions: Sessions<Claims, Data>; readonly http: Started } | null = null
  type Started = SessionsOverHttp<Claims, Data> | { readonly mistake: unknown }

  /** @throws InvalidOptionsError for an option that the sessions do not allow */
  function httpOf(sessions: Sessions<Claims, Data>): SessionsOverHttp<Claims, Data> {
    if (current?.sessions !== sessions) current = { sessions, http: createOrReport(sessions) }
    const { http } = current
    if ('mistake' in http) throw http.mistake
    return http
  }

  function createOrReport(sessions: Sessions<Claims, Data>): Started {
    try {
      return create(sessions)
    } catch (mistake) {
      const fields = { event: 'startFailed', error: mistake }
      processWarnings.error(fields, 'the sessions do not fit the options, requests are answered with 503')
      return { mistake }
    }
  }

  async function start(): Promise<SessionsOverHttp<Claims, Data>> {
    return httpOf(await starting.get())
  }

  async function startAndHandle(exchange: Exchange): Promise<Handled<Claims, Data>> {
    let http: SessionsOverHttp<Claims, Data>
    try {
      http = await start()
    } catch (error) {
      const preflight = isHandshake(exchange) ? null : (cors?.handle(exchange) ?? null)
      return { reply: preflight ?? notStartedReply(error, transportOf(exchange) === 'bearer') }
    }
    return http.handle(exchange)
  }

  async function readAsync(
    exchange: Pick<Exchange, 'header'>,
  ): ReturnType<SessionsOverHttp<Claims, Data>['readAsync']> {
    return (await start()).readAsync(exchange)
  }

  return {
    ...answersOf<Claims, Data>(),
    handle(exchange) {
      const { made } = starting
      return made === null || made !== current?.sessions || 'mistake' in current.http
        ? startAndHandle(exchange)
        : current.http.handle(exchange)
    },
    read: readAsync,
    readAsync,
    cookiesOf: (exchange) =>
      options.localCookies !== null && isPlainLocalhost(exchange, options.cookies)
        ? options.localCookies
        : options.cookies,
  }
}

/** The answer to a request while there are no sessions, whatever the reason. */
export function notStartedReply(error: unknown, bearer: boolean): Reply {
  const problem = isSessionsError(error) ? problemOf(error) : null
  if (problem?.status === 503) return problemReply(problem, bearer)
  const body = { code: 'unavailable' } as const
  return problemReply({ status: 503, body, retryAfter: RETRY_AFTER, final: false }, bearer)
}
