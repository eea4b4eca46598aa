import type { Sessions } from '../core/api.ts'
import type { CookieWriter } from './cookies.ts'
import type { Exchange } from './exchange.ts'
import type { ResolvedHttpOptions } from './options.ts'
import type { Transport } from './transport.ts'

/** A request as it has come in, with what is decided of it once: all that looks at it later goes by this. */
export interface Arrival<Claims extends object, Data> {
  readonly sessions: Sessions<Claims, Data>
  readonly options: ResolvedHttpOptions
  readonly exchange: Exchange
  /** Whether it asks for a WebSocket. */
  readonly handshake: boolean
  readonly transport: Transport
  readonly cookies: CookieWriter
  /** Milliseconds. */
  readonly arrivedAt: number
}
