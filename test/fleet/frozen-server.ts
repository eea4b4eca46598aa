import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import { createSessions, type SessionsOptions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { startShiftedClock } from './shifted-clock.ts'

/** A server process that a test freezes. It answers with the id of the user. */
export interface FrozenServerConfig {
  readonly url: string
  readonly secret: string
  readonly listen: boolean
  readonly serverless?: boolean
  readonly revocation: NonNullable<SessionsOptions['revocation']>
}

/** To the process: moves the wall clock by so many milliseconds. From the process: its port, and then each clock that it moved. */
export type FrozenMessage = number

const config = JSON.parse(process.env['SERVER_CONFIG']!) as FrozenServerConfig
const clock = startShiftedClock(0)
process.on('disconnect', () => process.exit())

const sessions = await createSessions({
  store: postgres({ connectionString: config.url, listen: config.listen }),
  serverless: config.serverless ?? false,
  secret: config.secret,
  revocation: config.revocation,
  logger: { debug() {}, info() {}, warn() {}, error() {} },
})
const withSession = nodeSessions(sessions)
const handler = withSession(
  (req, res, session) => {
    if (req.url === '/listening') res.end(String(sessions.stats().feed.listening))
    else if (session.current === null) res.writeHead(401).end()
    else res.end(session.userId)
  },
  { optional: true },
)
const server = createServer((req, res) => void handler(req, res))
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
process.on('message', (milliseconds: FrozenMessage) => {
  clock.set(milliseconds)
  process.send!(milliseconds)
})
