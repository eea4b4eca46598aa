import type { OptionTable } from '../portable/options/option.ts'
import { oneOf, text } from '../portable/options/values.ts'

/** As the option `path` of the adapters, and `/` for the root. */
const BASE_PATH = /^(?=.{1,255}$)(?:\/|(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+)$/

/** The options of `supertokens`. After a change run `npm run options`. */
export const SUPERTOKENS_OPTIONS: OptionTable = {
  /**
   * The path below which the client SDKs expect the routes `/session/refresh` and `/signout`, as in their option of the same
   * name. The refresh cookie gets the path of the refresh route.
   */
  apiBasePath: {
    value: text("an absolute path without a trailing slash, like '/auth', or '/'", BASE_PATH),
    default: '/auth',
  },
  /**
   * How tokens travel in this protocol. `any`: in cookies or headers, as each client asks. `header`: Pawl neither reads nor
   * sets cookies of the protocol. Use `header` if all these clients are apps: no sibling subdomain can then plant
   * `sAccessToken`.
   */
  tokenTransferMethod: { value: oneOf('any', 'header'), default: 'any' },
}
