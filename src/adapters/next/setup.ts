import type { ResolvedHttpOptions } from '../../http/options/resolve.ts'
import type { ClientAddress } from './exchange.ts'
import type { Start } from './start.ts'

/** Shared by the routes, actions and the proxy of one application. */
export interface Setup<Claims extends object, Data> {
  readonly options: ResolvedHttpOptions
  readonly ip: ClientAddress | undefined
  readonly start: Start<Claims, Data>
}
