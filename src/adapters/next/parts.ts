import type { ResolvedHttpOptions } from '../../http/options.ts'
import type { ClientAddress } from './exchange.ts'
import type { Start } from './start.ts'

/** What routes, actions and the proxy of one application have in common. */
export interface Parts<Claims extends object, Data> {
  readonly options: ResolvedHttpOptions
  readonly ip: ClientAddress | undefined
  readonly start: Start<Claims, Data>
}
