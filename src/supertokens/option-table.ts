import type { OptionTable } from '../portable/options/option.ts'
import { oneOf, text } from '../portable/options/values.ts'

/** As the option `path` of the adapters, and `/` for the root. */
const BASE_PATH = /^(?=.{1,255}$)(?:\/|(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+)$/

/** The options of `supertokens`. After a change run `npm run options`. */
export const SUPERTOKENS_OPTIONS: OptionTable = {
  /**
   * Where the client SDKs expect the routes `/session/refresh` and `/signout`: their option of the same name. The refresh
   * cookie gets the path of the former.
   */
  apiBasePath: {
    value: text("an absolute path without a trailing slash, like '/auth', or '/'", BASE_PATH),
    default: '/auth',
  },
  /**
   * `header`: no cookie of the protocol is read or set, whatever a client asks for. For applications whose clients of this protocol
   * are all apps: nobody can then plant `sAccessToken` from a sibling subdomain. `any`: as each client asks.
   */
  tokenTransferMethod: { value: oneOf('any', 'header'), default: 'any' },
}
