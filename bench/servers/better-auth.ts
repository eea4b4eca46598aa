import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { fromNodeHeaders } from 'better-auth/node'
import pg from 'pg'
import { answer } from './answer.ts'
import { cookieOf } from './cookie-of.ts'
import { type Kind, USER } from './kind.ts'

/** `getSession` per request, which reads session and user, as it does without a cookie cache. */
export async function server(databaseUrl: string): Promise<Kind> {
  const options = {
    database: new pg.Pool({ connectionString: databaseUrl, max: 10 }),
    secret: 'a secret for nothing but benchmarks',
    baseURL: 'http://app.example.com',
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
  }
  await (await getMigrations(options)).runMigrations()
  const auth = betterAuth(options)
  const { headers } = await auth.api.signUpEmail({
    body: { name: USER, email: 'user-1@example.com', password: 'a password for nothing' },
    returnHeaders: true,
  })
  return {
    cookie: cookieOf(headers.getSetCookie()),
    async listener(req, res) {
      const found = await auth.api.getSession({ headers: fromNodeHeaders(req.headers) })
      if (found === null) res.writeHead(401).end()
      else answer(res, found.user.name)
    },
  }
}
