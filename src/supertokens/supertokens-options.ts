// `npm run options` writes this file from ./option-table.ts. Change that file instead.

/** What {@link supertokens} takes. */
export interface SupertokensOptions {
  /**
   * Where the client SDKs expect the routes `/session/refresh`, `/signout` and `/jwt/jwks.json`: their option of
   * the same name, with the gateway path of the backend in front, if there is one. Also the path of the refresh
   * cookie.
   * Takes an absolute path without a trailing slash, like '/auth', or '/'.
   * @defaultValue '/auth'
   */
  readonly apiBasePath?: string
}

/** {@link SupertokensOptions}, checked and complete. Durations are in milliseconds. */
export interface ResolvedSupertokensOptions {
  readonly apiBasePath: string
}
