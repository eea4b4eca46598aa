import type { Renewal } from './visitors.ts'

/** A day of a user: 100 protected requests in four visits of ten minutes, and a login in three weeks. */
export const USER_DAY = { requests: 100, logins: 1 / 21 }

/** A library in the comparison. */
export interface Compared {
  /** Part of the figures' ids. */
  readonly id: string
  /** Its name in `SERVERS`. */
  readonly server: string
  readonly label: string
  readonly packages: readonly string[]
  readonly needs?: 'redis' | 'core'
  /** Absent without sessions. */
  readonly sessions?: {
    /** Where the sessions are. Absent if not in a database of the application. */
    readonly database?: 'PostgreSQL' | 'Redis'
    /** When a logout or a revocation takes effect. */
    readonly ends: string
    /** Absent if each request renews the session. */
    readonly renewal?: Renewal & { readonly perDay: number }
    /** A server of its own does the work of logins and renewals, so that only requests are measured. */
    readonly requestsOnly?: true
  }
}

/** Its own route renews the session, and the request follows. Each visit begins so. */
const byRoute = (path: string): Renewal & { perDay: number } => ({
  requests: [
    ['POST', path],
    ['GET', '/me'],
  ],
  perDay: 4,
})
/** The first request of a day extends the session. */
const ONCE_A_DAY: Renewal & { perDay: number } = { requests: [['GET', '/due']], perDay: 1 }

export const COMPARED: readonly Compared[] = [
  { id: 'bare', server: 'Express', label: 'Express without sessions', packages: ['express'] },
  {
    id: 'pawl',
    server: 'Pawl',
    label: 'Pawl',
    packages: [],
    sessions: { database: 'PostgreSQL', ends: 'at once', renewal: byRoute('/session/refresh') },
  },
  {
    id: 'express-session-redis',
    server: 'express-session + connect-redis',
    label: 'express-session, Redis',
    packages: ['express-session', 'connect-redis', 'redis'],
    needs: 'redis',
    sessions: { database: 'Redis', ends: 'at once' },
  },
  {
    id: 'express-session-postgres',
    server: 'express-session + connect-pg-simple',
    label: 'express-session, PostgreSQL',
    packages: ['express-session', 'connect-pg-simple'],
    sessions: { database: 'PostgreSQL', ends: 'at once' },
  },
  {
    id: 'better-auth',
    server: 'better-auth',
    label: 'better-auth',
    packages: ['better-auth'],
    sessions: { database: 'PostgreSQL', ends: 'at once', renewal: ONCE_A_DAY },
  },
  {
    id: 'better-auth-cookie',
    server: 'better-auth, cookie cache',
    label: 'better-auth, cookie cache',
    packages: ['better-auth'],
    sessions: {
      database: 'PostgreSQL',
      ends: 'within 5 minutes',
      // The cache lives for five minutes, so a visit reads the session twice.
      renewal: { requests: [['GET', '/me']], withoutCookie: /session_data/, perDay: 8 },
    },
  },
  {
    id: 'auth-js',
    server: 'Auth.js',
    label: 'Auth.js, PostgreSQL adapter',
    packages: ['@auth/express', '@auth/pg-adapter'],
    sessions: { database: 'PostgreSQL', ends: 'at once', renewal: ONCE_A_DAY },
  },
  {
    id: 'iron-session',
    server: 'iron-session',
    label: 'iron-session',
    packages: ['iron-session'],
    sessions: { ends: 'never, before the cookie expires', renewal: ONCE_A_DAY },
  },
  {
    id: 'supertokens-node',
    server: 'supertokens-node',
    label: 'supertokens-node',
    packages: ['supertokens-node'],
    needs: 'core',
    sessions: { ends: 'at the next refresh', requestsOnly: true },
  },
  {
    id: 'original',
    server: 'the original',
    label: 'the original',
    packages: ['supertokens-node-postgres-ref-jwt'],
    sessions: { database: 'PostgreSQL', ends: 'at the next refresh', renewal: byRoute('/refresh') },
  },
]
