import type { Sessions } from '../core/api.ts'
import { processWarnings } from '../core/observability/logger.ts'
import type { Starting } from '../core/start/starting.ts'
import { isSessionsError, StoreUnavailableError } from '../portable/errors.ts'
import { answersOf } from './answers.ts'
import { cookiesFor } from './cookies.ts'
import { createCors } from './cors.ts'
import { errorReply } from './error-reply.ts'
import type { Exchange, Reply } from './exchange.ts'
import { isHandshake } from './incoming-request.ts'
import type { ResolvedHttpOptions } from './options/resolve.ts'
import { problemOf } from './problem.ts'
import { type Conversation, translated } from './protocol.ts'
import type { Handled, SessionsOverHttp } from './sessions-over-http.ts'
import { createIsTrusted } from './trusted-origins.ts'

/** Sessions that are made at the first request. If they cannot be made, every request is answered with 503. */
export function lazyHttp<Claims extends object, Data>(
  starting: Starting<Claims, Data>,
  options: ResolvedHttpOptions,
  create: (sessions: Sessions<Claims, Data>) => SessionsOverHttp<Claims, Data>,
): SessionsOverHttp<Claims, Data> {
  const cors = options.cors ? createCors() : null
  const isTrusted = createIsTrusted(options)
  const { of: ownCookiesOf } = cookiesFor(options)
  let current: { readonly sessions: Sessions<Claims, Data>; readonly http: Started } | null = null
  type Started = SessionsOverHttp<Claims, Data> | { readonly mistake: unknown }

  /** Without sessions there are no tokens to answer with. */
  function conversationOf(exchange: Exchange): Conversation | null {
    const own = { cookies: ownCookiesOf(exchange), isGenuine: () => false, csrfTokenOf: () => null }
    return options.protocol?.converse(exchange, own) ?? null
  }

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
    const arrivedAt = performance.now()
    try {
      http = await start()
    } catch (error) {
      const preflight =
        cors === null || isHandshake(exchange) ? null : cors.handle(exchange, await isTrusted(exchange))
      if (preflight !== null) return { reply: preflight }
      const conversation = conversationOf(exchange)
      const asked = { exchange: conversation?.exchange ?? exchange, options }
      return { reply: translated({ conversation }, notStartedReply(asked, error)) }
    }
    return http.handle(exchange, performance.now() - arrivedAt)
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
    settle: (waitUntil) =>
      current === null || 'mistake' in current.http ? null : current.http.settle(waitUntil),
    read: readAsync,
    readAsync,
    cookiesOf: (exchange) => (conversationOf(exchange)?.cookies ?? ownCookiesOf(exchange)).set,
  }
}

/** The answer to a request while there are no sessions, whatever the reason. */
export function notStartedReply(asked: Parameters<typeof errorReply>[0], error: unknown): Reply {
  const isTemporary = isSessionsError(error) && problemOf(error)?.status === 503
  return errorReply(asked, isTemporary ? error : new StoreUnavailableError('the sessions have not started'))!
}
