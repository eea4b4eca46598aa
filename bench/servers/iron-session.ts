import type { RequestListener } from 'node:http'
import { getIronSession } from 'iron-session'
import { answer } from './answer.ts'
import { CLAIMS, type Kind, USER } from './kind.ts'
import { logIn } from './login.ts'

interface Data {
  userId?: string
  claims?: typeof CLAIMS
}

/** Everything is in the sealed cookie: it asks no database, and knows no revocation. */
export async function server(): Promise<Kind> {
  const options = { password: 'a secret for nothing but benchmarks', cookieName: 'session' }
  const listener: RequestListener = async (req, res) => {
    const session = await getIronSession<Data>(req, res, options)
    if (req.url === '/login') {
      Object.assign(session, { userId: USER, claims: CLAIMS } satisfies Data)
      await session.save()
      res.end()
    } else if (session.userId === undefined) res.writeHead(401).end()
    else answer(res, session.userId)
  }
  return { listener, cookie: await logIn(listener) }
}
