import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import pg from 'pg'

/**
 * supertokens-node-postgres-ref-jwt 4, which Pawl takes its protocol from ("the original"), without blacklisting:
 * it reads no row for an access token either. Its types are sources that no strict compiler takes.
 */
interface Original {
  init(config: object, pool: pg.Pool): Promise<void>
  createNewSession(userId: string, claims: object, data: object): Promise<Created>
  getSession(accessToken: string, antiCsrfToken: null): Promise<Got>
  refreshSession(refreshToken: string): Promise<Refreshed>
  revokeSessionUsingSessionHandle(handle: string): Promise<boolean>
}

interface OriginalOnExpress extends Pick<Original, 'init'> {
  createNewSession(res: ServerResponse, userId: string, claims: object, data: object): Promise<unknown>
  getSession(req: IncomingMessage, res: ServerResponse, csrf: boolean): Promise<{ getUserId(): string }>
}

interface Token {
  readonly value: string
}
interface Got {
  readonly session: { readonly handle: string; readonly userId: string }
  /** With the first use of a refreshed one. */
  readonly newAccessToken?: Token
}
interface Created extends Got {
  readonly accessToken: Token
  readonly refreshToken: Token
}
interface Refreshed extends Got {
  readonly newAccessToken: Token
  readonly newRefreshToken: Token
}

const require = createRequire(import.meta.url)
const CONFIG = {
  // It asks for these, and then takes the pool it is given.
  postgres: { config: { user: '-', password: '-', database: '-' } },
  tokens: { refreshToken: { renewTokenPath: '/refresh' }, enableAntiCsrf: false },
  cookie: { domain: 'localhost', secure: false },
}

/** Knows one configuration per process. Asks for a second connection while it holds one, so it has plenty. */
export async function original(connectionString: string) {
  const pool = new pg.Pool({ connectionString, max: 40 })
  const library: Original = require('supertokens-node-postgres-ref-jwt')
  await library.init(CONFIG, pool)
  return {
    create: library.createNewSession,
    getSession: (accessToken: string) => library.getSession(accessToken, null),
    refresh: library.refreshSession,
    revoke: library.revokeSessionUsingSessionHandle,
    close: () => pool.end(),
  }
}

export async function originalOnExpress(connectionString: string): Promise<OriginalOnExpress> {
  const library: OriginalOnExpress = require('supertokens-node-postgres-ref-jwt/express')
  await library.init(CONFIG, new pg.Pool({ connectionString, max: 40 }))
  return library
}
