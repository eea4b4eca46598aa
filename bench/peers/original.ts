import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import pg from 'pg'

interface Token {
  readonly value: string
}

/**
 * The parts used of supertokens-node-postgres-ref-jwt 4, whose protocol Pawl adopts. It ships TypeScript sources
 * that a strict compiler rejects. Blacklisting is off, so it reads no row to verify an access token either.
 */
interface Original {
  init(config: object, pool: pg.Pool): Promise<void>
  createNewSession(
    userId: string,
    claims: object,
    data: object,
  ): Promise<{ readonly accessToken: Token; readonly refreshToken: Token }>
  getSession(
    accessToken: string,
    antiCsrfToken: null,
  ): Promise<{ readonly session: { readonly userId: string }; readonly newAccessToken?: Token }>
  refreshSession(token: string): Promise<{ readonly newAccessToken: Token; readonly newRefreshToken: Token }>
}

interface OriginalOnExpress extends Pick<Original, 'init'> {
  createNewSession(res: ServerResponse, userId: string, claims: object, data: object): Promise<unknown>
  getSession(req: IncomingMessage, res: ServerResponse, csrf: boolean): Promise<SessionOfOriginal>
  refreshSession(req: IncomingMessage, res: ServerResponse): Promise<SessionOfOriginal>
}

interface SessionOfOriginal {
  getUserId(): string
}

const require = createRequire(import.meta.url)

/** It keeps one configuration per process. */
async function initialize<Library extends Pick<Original, 'init'>>(entry: string, pool: pg.Pool) {
  const library: Library = require(`supertokens-node-postgres-ref-jwt${entry}`)
  const config = {
    // It requires these, and then uses the pool.
    postgres: { config: { user: '-', password: '-', database: '-' } },
    tokens: { refreshToken: { renewTokenPath: '/refresh' }, enableAntiCsrf: false },
    cookie: { domain: 'localhost', secure: false },
  }
  await library.init(config, pool)
  return library
}

export async function original(connectionString: string) {
  // It takes a second connection while it holds one, so the pool must be large.
  const pool = new pg.Pool({ connectionString, max: 40 })
  const library = await initialize<Original>('', pool)
  return {
    create: library.createNewSession,
    /** The first use of a refreshed token returns another one. */
    getSession: (accessToken: string) => library.getSession(accessToken, null),
    refresh: library.refreshSession,
    close: () => pool.end(),
  }
}

export function originalOnExpress(pool: pg.Pool): Promise<OriginalOnExpress> {
  return initialize<OriginalOnExpress>('/express', pool)
}
