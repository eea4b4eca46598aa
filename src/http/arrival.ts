import type { Sessions } from '../core/api.ts'
import { type Internals, internals } from '../core/internals.ts'
import type { RequestContext } from '../core/request-context.ts'
import type { CookieWriter } from './cookies.ts'
import { type Exchange, isHandshake } from './exchange.ts'
import type { ResolvedHttpOptions } from './options.ts'
import { type Transport, transportOf } from './transport.ts'

/**
 * A request as it has come in, with what is decided of it once: all that looks at it later goes by this. Where it
 * came from is found out when somebody asks, as behind proxies finding the address takes its time.
 */
export class Arrival<Claims extends object, Data> implements RequestContext {
  readonly sessions: Sessions<Claims, Data>
  readonly internals: Internals
  readonly options: ResolvedHttpOptions
  readonly exchange: Exchange
  /** Whether it asks for a WebSocket. */
  readonly handshake: boolean
  readonly transport: Transport
  readonly cookies: CookieWriter
  /** Milliseconds. */
  readonly arrivedAt: number

  constructor(
    sessions: Sessions<Claims, Data>,
    options: ResolvedHttpOptions,
    exchange: Exchange,
    cookies: CookieWriter,
  ) {
    this.sessions = sessions
    this.internals = sessions[internals]
    this.options = options
    this.exchange = exchange
    this.handshake = isHandshake(exchange)
    this.transport = transportOf(exchange)
    this.cookies = cookies
    this.arrivedAt = this.internals.now()
  }

  get ip(): string | undefined {
    return this.exchange.ip
  }

  get userAgent(): string | undefined {
    return this.exchange.header('user-agent')
  }
}
