import { Router } from 'express'
import { requireSession, sessionOf } from '../../src/adapters/express/index.ts'
import type { Session, Sessions } from '../../src/index.ts'
import type { Claims } from '../claims.ts'
import { deviceName } from '../device-name.ts'

const MAX_SIMULATED = 6
const MAX_ENDED_SHOWN = 6

/** Addresses are from the ranges reserved for documentation (RFC 5737, RFC 3849). */
const SIMULATED_DEVICES = [
  {
    ip: '203.0.113.24',
    userAgent:
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  },
  {
    ip: '198.51.100.7',
    userAgent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0',
  },
  {
    ip: '2001:db8::42',
    userAgent:
      'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
  },
] as const

/** Lists and ends the sessions of a user, and adds simulated ones. */
export function deviceRoutes(sessions: Sessions<Claims>): Router {
  const router = Router()
  router.use(requireSession())

  router.get('/', async (req, res) => {
    const { userId, sessionId } = sessionOf(req, sessions)
    const all = await sessions.list(userId)
    const active = all.filter((session) => session.active)
    const ended = all.filter((session) => !session.active).slice(0, MAX_ENDED_SHOWN)
    res.json([...active, ...ended].map((session) => describe(session, sessionId)))
  })

  router.post('/', async (req, res) => {
    const { userId, claims } = sessionOf(req, sessions)
    const active = await sessions.list(userId, { active: true })
    if (active.length > MAX_SIMULATED) return res.status(409).json({ code: 'too_many_devices' })
    const inUse = new Set(active.map((session) => session.userAgent))
    const device = SIMULATED_DEVICES.find(({ userAgent }) => !inUse.has(userAgent)) ?? SIMULATED_DEVICES[0]
    const { session } = await sessions.create({ userId, claims, ...device })
    res.status(201).json({ sessionId: session.sessionId })
  })

  router.post('/end-others', async (req, res) => {
    const { userId, sessionId } = sessionOf(req, sessions)
    res.json({ ended: await sessions.revokeUser(userId, { except: sessionId }) })
  })

  router.post('/:id/end', async (req, res) => {
    // A user may end only sessions of their own.
    const session = await sessions.get(req.params.id)
    if (session?.userId !== sessionOf(req, sessions).userId)
      return res.status(404).json({ code: 'no_such_device' })
    res.json({ ended: await sessions.revoke(session.sessionId) })
  })

  return router
}

function describe(session: Session<Claims>, sessionId: string): Record<string, unknown> {
  const { createdAt, lastSeenAt, endedAt, endReason, generation, ip } = session
  return {
    sessionId: session.sessionId,
    own: session.sessionId === sessionId,
    device: deviceName(session.userAgent),
    ip,
    createdAt,
    lastSeenAt,
    endedAt,
    endReason,
    generation,
  }
}
