// An application of Pawl without a framework, which runtimes.test.ts runs in each runtime. Prints its port.
// The argument chooses the server: `node:http`, or the runtime's own for `Request` and `Response`.
import { createSessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import { createVerifier } from 'pawl/verify'
import { NODE, serverOf } from './servers.js'

const { SERVER_DATABASE: connectionString, PAWL_SECRET: secret } = process.env
const kind = process.argv[2]

const silent = () => {}
let clockOffset = 0
const sessions = await createSessions({
  store: postgres({ connectionString }),
  secret,
  now: () => Date.now() + clockOffset,
  logger: { debug: silent, info: silent, warn: silent, error: silent },
  deviceBinding: 'offer',
  keys: { algorithm: kind === NODE ? 'EdDSA' : 'ES256' },
})

/** Another service, which verifies the access tokens of this one. */
let verifier

const routes = {
  'POST /login': (session, { user }) =>
    session.create({ userId: user, claims: { role: 'user' }, data: { visits: 0 } }),
  'GET /me': ({ userId, claims }) => ({ words: `${userId} ${claims.role}` }),
  'GET /': ({ userId }) => ({ words: userId }),
  async 'POST /visits'(session) {
    const { data } = await session.get()
    await session.setData({ visits: data.visits + 1 })
    return { words: String((await session.get()).data.visits) }
  },
  async 'POST /promote'(session) {
    await session.setClaims({ role: 'admin' })
    return { words: 'promoted' }
  },
  'POST /echo': async ({ userId }, _, readBody) => ({ words: `${userId} ${(await readBody()).length}` }),
  'GET /devices': async ({ userId }) => ({
    words: String((await sessions.list(userId, { active: true })).length),
  }),
}

/** What needs no session of this application. */
const outside = {
  'POST /clock'({ ms }) {
    clockOffset += Number(ms)
    return { words: 'moved' }
  },
  async 'GET /elsewhere'(_, headers) {
    try {
      return { words: `${(await verifier.verifyRequest({ headers })).userId}` }
    } catch (error) {
      return { words: error.code }
    }
  },
}

const { port, close } = await serverOf(kind, { sessions, routes, outside })
const here = `http://127.0.0.1:${port}`
verifier = createVerifier({
  jwks: `${here}/.well-known/jwks.json`,
  revocations: `${here}/session/revocations`,
  pollInterval: 1,
})
console.log(port)

process.once('SIGTERM', async () => {
  await close()
  await sessions.close()
})
