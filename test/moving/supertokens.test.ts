import { createRequire } from 'node:module'
import express4 from 'express4'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  expressSessions,
  requireSession,
  sessionErrors,
  sessionOf,
} from '../../src/adapters/express/index.ts'
import type { Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { TOKEN_CLAIM_NAMES } from '../../src/portable/token-claims.ts'
import { type Client, createClient, type Received } from '../support/http-client.ts'
import { listen } from '../support/http-server.ts'
import { compileGuide } from '../support/moving-guide.ts'
import { oldPackages } from '../support/old-packages.ts'
import { openSessions } from '../support/sessions.ts'
import { type SupertokensCore, startCore } from '../support/supertokens-core.ts'

// The Java core does not run here: `startCore` stands in for it. All else of SuperTokens is the real package.
const requireOld = oldPackages('supertokens-node@24.0.3', 'supertokens-node-20@npm:supertokens-node@20.1.7')
const OLD_COOKIES = ['sAccessToken', 'sRefreshToken']
const PAWL_COOKIES = ['__Host-pawl-access', '__Secure-pawl-refresh']
const REFRESH = '/auth/session/refresh'

interface OldLogin {
  readonly userId?: string
  readonly tenantId?: string
  readonly payload?: object
  readonly data?: object
}

let core: SupertokensCore
beforeAll(async () => {
  core = await startCore()
})
afterAll(() => core.close())
beforeEach(() => {
  core.down = false
  core.sessions.clear()
})

/** What the guide calls after the last minute. */
type Later = () => void

/** One of the installed releases of `supertokens-node`, which is configured once for each process. */
function supertokensNode(name: string) {
  const load = (path: string) => requireOld(path.replace('supertokens-node', name))
  let isStarted = false
  return {
    load,
    start() {
      if (isStarted) return
      isStarted = true
      load('supertokens-node').default.init({
        framework: 'express',
        supertokens: { connectionURI: core.url },
        appInfo: {
          appName: 'app',
          apiDomain: 'https://app.example.com',
          websiteDomain: 'https://app.example.com',
        },
        recipeList: [load('supertokens-node/recipe/session').default.init()],
        telemetry: false,
      })
    },
  }
}

/** An application that has a login of SuperTokens and runs the code of the guide. */
async function openApp(old: ReturnType<typeof supertokensNode>, section: string, sessions: Sessions) {
  old.start()
  const Session = old.load('supertokens-node/recipe/session').default
  const SuperTokens = old.load('supertokens-node').default
  const app = express4()
  const later: Later[] = []
  let login: OldLogin = {}
  app.post('/old-login', (req, res, next) => {
    const { userId = 'anna', tenantId = 'public', payload = {}, data = {} } = login
    const recipeUserId = SuperTokens.convertToRecipeUserId(userId)
    Session.createNewSession(req, res, tenantId, recipeUserId, payload, data).then(() => res.json({}), next)
  })
  const names = {
    require: (name: string) =>
      name.startsWith('supertokens-node')
        ? old.load(name)
        : createRequire(createRequire(import.meta.url).resolve('express'))(name),
    exports: {},
    setTimeout: (callback: Later) => {
      later.push(callback)
      return { unref() {} }
    },
    express: express4,
    ...{ expressSessions, sessionOf, sessions, app },
  }
  const guide = await compileGuide('The plan', 'From SuperTokens', section)
  new Function(...Object.keys(names), guide)(...Object.values(names))
  app.all('/me', requireSession(), (req, res) => void res.json({ userId: sessionOf(req, sessions).userId }))
  app.use(sessionErrors())
  app.use(
    ((error, _req, res, _next) =>
      void res.status(500).json({ error: String(error) })) as express4.ErrorRequestHandler,
  )
  const port = await listen(app)

  return {
    port,
    later,
    /** A browser with a session of SuperTokens in its cookies. */
    async browserOf(given: OldLogin = {}): Promise<Client> {
      login = given
      const client = createClient(port)
      const answer = await client.send('POST', '/old-login', { headers: { 'st-auth-mode': 'cookie' } })
      expect(answer.status).toBe(200)
      expect(client.jar.names).toStrictEqual(OLD_COOKIES)
      return client
    },
    /** The tokens of a native app with a session of SuperTokens. */
    async tokensOf(given: OldLogin = {}): Promise<{ access: string; refresh: string }> {
      login = given
      const { headers } = await createClient(port).send('POST', '/old-login', {
        headers: { 'st-auth-mode': 'header' },
      })
      return { access: String(headers['st-access-token']), refresh: String(headers['st-refresh-token']) }
    },
  }
}

describe.each(['supertokens-node', 'supertokens-node-20'])('moving from %s to pawl/client', (name) => {
  const old = supertokensNode(name)
  const open = async (sessions?: Sessions) => {
    const opened: Sessions = sessions ?? (await openSessions())
    return { sessions: opened, ...(await openApp(old, 'Pages that change to `pawl/client`', opened)) }
  }
  const refresh = (client: Client): Promise<Received> => client.send('POST', REFRESH)
  const me = (client: Client): Promise<Received> => client.send('GET', '/me')

  it.each([
    ['the refresh route', refresh],
    ['the next request', me],
  ])('exchanges the session at %s and ends the old one a minute later', async (_where, visit) => {
    const { sessions, browserOf, later } = await open()
    const anna = await browserOf({ payload: { role: 'admin' }, data: { cart: [1] } })
    const refreshToken = decodeURIComponent(anna.jar.get('sRefreshToken')!)
    expect((await visit(anna)).status).toBe(200)
    expect(anna.jar.names).toStrictEqual(PAWL_COOKIES)
    expect(await me(anna)).toMatchObject({ status: 200, body: { userId: 'anna' } })
    const [session] = await sessions.list('anna')
    expect([session!.claims, session!.data]).toStrictEqual([{ role: 'admin' }, { cart: [1] }])
    expect(core.sessions.size).toBe(1)
    for (const end of later) end()
    await expect.poll(() => core.sessions.size).toBe(0)
    const Session = old.load('supertokens-node/recipe/session').default
    await expect(Session.refreshSessionWithoutRequestResponse(refreshToken, true)).rejects.toMatchObject({
      type: 'UNAUTHORISED',
    })
  })
})
