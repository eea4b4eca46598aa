// `npm run options` writes this file from ./option-table.ts. Change that file instead.

/** What {@link supertokens} takes. */
export interface SupertokensOptions {
  /**
   * Where the client SDKs expect the routes `/session/refresh` and `/signout`: their option of the same name. The
   * refresh cookie gets the path of the former.
   * Takes an absolute path without a trailing slash, like '/auth', or '/'.
   * @defaultValue '/auth'
   */
  readonly apiBasePath?: string
  /**
   * `header`: no cookie of the protocol is read or set, whatever a client asks for. For applications whose clients
   * of this protocol are all apps: nobody can then plant `sAccessToken` from a sibling subdomain. `any`: as each
   * client asks.
   * @defaultValue 'any'
   */
  readonly tokenTransferMethod?: 'any' | 'header'
}

/** {@link SupertokensOptions}, checked and complete. Durations are in milliseconds. */
export interface ResolvedSupertokensOptions {
  readonly apiBasePath: string
  readonly tokenTransferMethod: 'any' | 'header'
}
