import { createHash } from 'node:crypto'
import express from 'express'
import { createSessions } from 'pawl'
import { expressSessions, requireSession, sessionErrors, sessionOf } from 'pawl/express'
import { postgres } from 'pawl/postgres'
import { CLAIMS, type ServerContender, type Surroundings, USER_HEADER } from './contender.ts'
import { countedPool } from './counted.ts'

/** Longer than an access token lives. */
const QUARTER_HOUR = 15 * 60_000

/** Pawl as the guide for Express sets it up. Only the clock differs: `expire` moves it. */
export async function expressOnPostgres({ database }: Surroundings): Promise<ServerContender> {
  const { pool, statements } = countedPool(database)
  let offset = 0
  const sessions = await createSessions<typeof CLAIMS>({
    store: postgres({ pool }),
    secret: createHash('sha256').update('a secret that protects benchmarks only').digest(),
    // The published types leave the clock out.
    ...({ now: () => Date.now() + offset } as object),
    // The clock jumps, so the feed would look stale.
    revocation: { maxStaleness: 86_400 },
  })
  const app = express()
  app.use(expressSessions(sessions))
  app.post('/login', async (req, res) => {
    const id = req.get(USER_HEADER)!
    await sessionOf(req, sessions).create({ userId: id, claims: CLAIMS })
    res.json({ id })
  })
  app.get('/me', requireSession(), (req, res) => {
    res.json({ id: sessionOf(req, sessions).userId })
  })
  app.use(sessionErrors())
  return {
    listener: app,
    statements,
    expire() {
      offset += QUARTER_HOUR
    },
    flush: () => sessions.flush(),
  }
}
