import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A session as the core stores it. */
export interface CoreSession {
  readonly handle: string
  readonly userId: string
  readonly recipeUserId: string
  readonly tenantId: string
  readonly timeCreated: number
  userDataInJWT: Record<string, unknown>
  userDataInDatabase: Record<string, unknown>
  /** The refresh token that the client has proved to hold; its children are pending. */
  current: string
}

/**
 * A stand-in for the Java core of SuperTokens: the requests that `supertokens-node` makes for sessions, answered as the
 * interface of the core (CDI 5) documents. It keeps its sessions in memory and signs access tokens of version 5.
 */
export interface SupertokensCore {
  readonly url: string
  /** By handle. */
  readonly sessions: Map<string, CoreSession>
  /** Method and path of each request, in the order of arrival. */
  readonly requests: string[]
  /** Refuses connections while true, as a core that is down. */
  down: boolean
  /** An access token of a session. The fields replace those that the core would write. */
  accessToken(handle: string, fields?: Record<string, unknown>, header?: Record<string, unknown>): string
  close(): Promise<void>
}

interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly jwk: object
}

/** The versions of the interface that cores 9 to 12 have in common with the tested releases of `supertokens-node`. */
const CDI_VERSIONS = ['5.0', '5.1', '5.2', '5.3', '5.4']
/** The default of the core, in ms. */
const ACCESS_TOKEN_VALIDITY = 3_600_000
const REFRESH_TOKEN_VALIDITY = 100 * 86_400_000

export async function startCore(): Promise<SupertokensCore> {
  const sessions = new Map<string, CoreSession>()
  /** What the real core reads from the encrypted token: the session and the parent. */
  const refreshTokens = new Map<string, { handle: string; parent: string | null }>()
  const requests: string[] = []
  const key = createKey()

  function mintAccess(
    session: CoreSession,
    token: string,
    parent: string | null,
    fields: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
  ): { token: string; expiry: number; createdTime: number } {
    const createdTime = Date.now()
    const expiry = createdTime + ACCESS_TOKEN_VALIDITY
    const payload = {
      iat: Math.floor(createdTime / 1000),
      exp: Math.floor(expiry / 1000),
      sub: session.userId,
      tId: session.tenantId,
      rsub: session.recipeUserId,
      sessionHandle: session.handle,
      refreshTokenHash1: sha256(token),
      parentRefreshTokenHash1: parent === null ? null : sha256(parent),
      antiCsrfToken: null,
      stt: 0,
      ...session.userDataInJWT,
      ...fields,
    }
    const head = { kid: key.kid, typ: 'JWT', version: '5', alg: 'RS256', ...header }
    const input = `${base64url(head)}.${base64url(payload)}`
    return {
      token: `${input}.${sign('sha256', Buffer.from(input), key.privateKey).toString('base64url')}`,
      expiry,
      createdTime,
    }
  }

  function mintRefresh(session: CoreSession, parent: string | null) {
    // The real one is encrypted, in base64 with padding.
    const content = Buffer.from(`?>${session.handle}?>${randomUUID()}`).toString('base64')
    const token = `${content}.${sha256(randomUUID())}.V2`
    refreshTokens.set(token, { handle: session.handle, parent })
    return { token, createdTime: Date.now(), expiry: Date.now() + REFRESH_TOKEN_VALIDITY }
  }

  const sessionIn = ({ handle, userId, recipeUserId, tenantId, userDataInJWT }: CoreSession) => ({
    handle,
    userId,
    recipeUserId,
    tenantId,
    userDataInJWT,
  })

  function create(tenantId: string, body: Body) {
    const userId = String(body['userId'])
    const session: CoreSession = {
      handle: randomUUID(),
      userId,
      recipeUserId: userId,
      tenantId,
      timeCreated: Date.now(),
      userDataInJWT: body['userDataInJWT'] as Record<string, unknown>,
      userDataInDatabase: body['userDataInDatabase'] as Record<string, unknown>,
      current: '',
    }
    const refreshToken = mintRefresh(session, null)
    session.current = refreshToken.token
    sessions.set(session.handle, session)
    const accessToken = mintAccess(session, refreshToken.token, null)
    return { status: 'OK', session: sessionIn(session), accessToken, refreshToken }
  }

  /** The newest token that the client has used stays good until it uses one of its children. */
  function refresh(body: Body) {
    const token = String(body['refreshToken'])
    const known = refreshTokens.get(token)
    const session = known && sessions.get(known.handle)
    if (known === undefined || session === undefined)
      return { status: 'UNAUTHORISED', message: 'Session missing in db or has expired' }
    if (known.parent === session.current) session.current = token
    if (token !== session.current) return { status: 'TOKEN_THEFT_DETECTED', session: sessionIn(session) }
    const refreshToken = mintRefresh(session, token)
    const accessToken = mintAccess(session, refreshToken.token, token)
    return { status: 'OK', session: sessionIn(session), accessToken, refreshToken }
  }

  function verify(body: Body) {
    const payload = JSON.parse(
      Buffer.from(String(body['accessToken']).split('.')[1]!, 'base64url').toString(),
    ) as { sessionHandle: string }
    const session = sessions.get(payload.sessionHandle)
    if (session === undefined)
      return { status: 'UNAUTHORISED', message: 'Session missing in db or has expired' }
    return { status: 'OK', session: sessionIn(session) }
  }

  function remove(body: Body) {
    const handles = (body['sessionHandles'] ?? []) as string[]
    return { status: 'OK', sessionHandlesRevoked: handles.filter((handle) => sessions.delete(handle)) }
  }

  function answer(method: string, { pathname, searchParams }: URL, body: Body): object {
    // A path may begin with the tenant.
    const [, tenantId = 'public', path = pathname] = /^\/([\w-]+)(\/recipe\/.*)$/.exec(pathname) ?? []
    const session = sessions.get(String(searchParams.get('sessionHandle') ?? body['sessionHandle']))
    switch (`${method} ${path}`) {
      case 'GET /apiversion':
        return { versions: CDI_VERSIONS }
      case 'GET /.well-known/jwks.json':
        return { keys: [key.jwk] }
      case 'GET /user/id':
        return { status: 'UNKNOWN_USER_ID_ERROR' }
      case 'POST /recipe/session':
        return create(tenantId, body)
      case 'POST /recipe/session/refresh':
        return refresh(body)
      case 'POST /recipe/session/verify':
        return verify(body)
      case 'POST /recipe/session/remove':
        return remove(body)
      case 'GET /recipe/session':
        if (session === undefined) return { status: 'UNAUTHORISED', message: 'Session does not exist.' }
        return {
          status: 'OK',
          ...sessionIn(session),
          sessionHandle: session.handle,
          userDataInDatabase: session.userDataInDatabase,
          timeCreated: session.timeCreated,
          expiry: session.timeCreated + REFRESH_TOKEN_VALIDITY,
        }
      case 'PUT /recipe/session/data':
        if (session === undefined) return { status: 'UNAUTHORISED', message: 'Session does not exist.' }
        session.userDataInDatabase = body['userDataInDatabase'] as Record<string, unknown>
        return { status: 'OK' }
      default:
        throw new Error(`The stand-in for the core does not know ${method} ${pathname}.`)
    }
  }

  const core: SupertokensCore = {
    url: '',
    sessions,
    requests,
    down: false,
    accessToken(handle, fields, header) {
      const session = sessions.get(handle)!
      return mintAccess(session, session.current, null, fields, header).token
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }

  const server = createServer((req, res) => {
    if (core.down) return void req.socket.destroy()
    requests.push(`${req.method} ${req.url!.replace(/\?.*/, '')}`)
    respond(req, res, answer).catch((error: Error) => void res.writeHead(500).end(error.message))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(core, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

type Body = Readonly<Record<string, unknown>>

async function respond(
  req: IncomingMessage,
  res: ServerResponse,
  answer: (method: string, url: URL, body: Body) => object,
): Promise<void> {
  const text = Buffer.concat(await req.toArray()).toString()
  const body = text === '' ? {} : (JSON.parse(text) as Body)
  const json = JSON.stringify(answer(req.method!, new URL(req.url!, 'http://core'), body))
  res.writeHead(200, { 'content-type': 'application/json' }).end(json)
}

/** A dynamic key: its name begins with `d-`. */
function createKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const kid = `d-${Date.now()}-${randomUUID()}`
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' } }
}

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
