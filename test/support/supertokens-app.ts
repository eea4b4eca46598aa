import express4 from 'express4'
import {
  expressSessions,
  type HttpOptions,
  requireSession,
  sessionErrors,
  sessionOf,
} from '../../src/adapters/express/index.ts'
import { isSessionsError, type Sessions } from '../../src/index.ts'
import { supertokens } from '../../src/supertokens/index.ts'
import { listen } from './http-server.ts'
import { compileGuide, requireOfGuide } from './moving-guide.ts'
import type { oldPackages } from './old-packages.ts'
import type { SupertokensCore } from './supertokens-core.ts'

/** A login at `supertokens-node`. */
export interface OldLogin {
  readonly userId?: string
  readonly tenantId?: string
  readonly payload?: object
  readonly data?: object
}

type Loaded = ReturnType<NodeJS.Require>

/** An installed release of `supertokens-node`. */
export interface SupertokensNode {
  load(path: string): Loaded
  readonly Session: Loaded
  /** The claim validators of all routes. */
  readonly validators: object[]
  /** Configures it for this process, once. */
  start(core: SupertokensCore, apiDomain?: string): void
}

/** @param name of the package, as it was installed */
export function supertokensNode(
  requireOld: ReturnType<typeof oldPackages>,
  name = 'supertokens-node',
): SupertokensNode {
  const load = (path: string): Loaded => requireOld(path.replace('supertokens-node', name))
  const validators: object[] = []
  const functions = (original: object): object => ({
    ...original,
    getGlobalClaimValidators: async () => validators,
  })
  let isStarted = false
  return {
    load,
    validators,
    get Session() {
      return load('supertokens-node/recipe/session').default
    },
    start(core, apiDomain = 'https://app.example.com') {
      if (isStarted) return
      isStarted = true
      load('supertokens-node').default.init({
        framework: 'express',
        supertokens: { connectionURI: core.url },
        appInfo: { appName: 'app', apiDomain, websiteDomain: 'https://app.example.com' },
        recipeList: [load('supertokens-node/recipe/session').default.init({ override: { functions } })],
        telemetry: false,
      })
    },
  }
}

/** A request that `verifySession()` of supertokens-node has let through. */
interface OldRequest extends express4.Request {
  readonly session: { getUserId(): string }
}

export interface ReleaseOptions {
  /** The subsection of the guide whose code runs. By default the application is as it was before: `supertokens-node` alone. */
  readonly section?: 'Clients that stay' | 'Pages that change to `pawl/client`' | 'Going back to SuperTokens'
  readonly sessions: Sessions
  /** Added to the options of the guide. */
  readonly http?: HttpOptions
  /** Mounted first. */
  readonly first?: express4.RequestHandler
  /** The time of the guide. */
  readonly now?: () => number
}

/** A release of an application that has its login at `supertokens-node`. */
export interface Release {
  readonly port: number
  /** What `POST /login` signs in. */
  loginAs(login: OldLogin): void
}

export async function openRelease(
  old: SupertokensNode,
  { section, sessions, http, first, now = Date.now }: ReleaseOptions,
): Promise<Release> {
  const SuperTokens = old.load('supertokens-node').default
  const { middleware, errorHandler } = old.load('supertokens-node/framework/express')
  const { verifySession } = old.load('supertokens-node/recipe/session/framework/express')
  const usesOld = section === undefined || section === 'Going back to SuperTokens'
  const app = express4().set('etag', false)
  let login: OldLogin = {}
  if (first !== undefined) app.use(first)
  app.post('/login', (req, res, next) => {
    const { userId = 'anna', tenantId = 'public', payload = {}, data = {} } = login
    const recipeUserId = SuperTokens.convertToRecipeUserId(userId)
    old.Session.createNewSession(req, res, tenantId, recipeUserId, payload, data).then(
      () => res.json({}),
      next,
    )
  })
  if (section === undefined) app.use(middleware())
  else {
    const names = {
      require: (name: string) =>
        name.startsWith('supertokens-node') ? old.load(name) : requireOfGuide(name),
      exports: {},
      Date: { now },
      express: express4,
      expressSessions: (given: Sessions, options?: HttpOptions) =>
        expressSessions(given, { ...options, ...http }),
      ...{ sessionOf, sessions, app, supertokens, isSessionsError, SuperTokens, middleware },
    }
    const guide = await compileGuide('moving', 'moving/supertokens', `moving/supertokens#${section}`)
    new Function(...Object.keys(names), guide)(...Object.values(names))
  }
  app.all('/me', usesOld ? verifySession() : requireSession(), (req, res) => {
    const id = usesOld ? (req as OldRequest).session.getUserId() : sessionOf(req, sessions).userId
    res.json({ id })
  })
  app.get('/home', requireSession({ optional: true }), (req, res) => {
    res.json({ id: sessionOf(req, sessions).current?.userId ?? null })
  })
  app.use(sessionErrors())
  app.use(errorHandler())
  app.use(((error, _req, res, _next) => {
    res.status(500).json({ error: String(error) })
  }) as express4.ErrorRequestHandler)
  return {
    port: await listen(app),
    loginAs(given) {
      login = given
    },
  }
}
