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
}

/** {@link SupertokensOptions}, checked and complete. Durations are in milliseconds. */
export interface ResolvedSupertokensOptions {
  readonly apiBasePath: string
}
