// `npm run options` writes this file from ./option-table.ts. Change that file instead.

/** The options of {@link supertokens}. All of them are optional. */
export interface SupertokensOptions {
  /**
   * The path below which the client SDKs expect the routes `/session/refresh` and `/signout`, as in their option
   * of the same name. The refresh cookie gets the path of the refresh route.
   * Takes an absolute path without a trailing slash, like '/auth', or '/'.
   * @defaultValue '/auth'
   */
  readonly apiBasePath?: string
  /**
   * How tokens travel in this protocol. `any`: in cookies or headers, as each client asks. `header`: Pawl neither
   * reads nor sets cookies of the protocol. Use `header` if all these clients are apps: no sibling subdomain can
   * then plant `sAccessToken`.
   * @defaultValue 'any'
   */
  readonly tokenTransferMethod?: 'any' | 'header'
}

/** {@link SupertokensOptions}, checked and complete. Durations are in milliseconds. */
export interface ResolvedSupertokensOptions {
  readonly apiBasePath: string
  readonly tokenTransferMethod: 'any' | 'header'
}
