import type { HttpOptions } from '../../../src/adapters/fetch/index.ts'
import type { SessionsOptions } from '../../../src/index.ts'
import { supertokens } from '../../../src/supertokens/index.ts'
import { type CookieJar, createJar } from '../../support/http-jar.ts'
import { type Answer, ORIGIN, openSite, type Site, type VisitOptions } from '../../support/http-site.ts'

/** What a client SDK knows of its session after an answer. */
export interface FrontToken {
  readonly uid: string
  readonly ate: number
  readonly up: Readonly<Record<string, unknown>>
}

/** Decodes as the SDK for iOS does: standard base64 with padding, and `up` an object. */
export function parseFrontToken(value: string | null | undefined): FrontToken {
  if (value == null || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value))
    throw new Error(`no front token: ${value}`)
  const token = JSON.parse(Buffer.from(value, 'base64').toString()) as FrontToken
  if (typeof token.up !== 'object' || token.up === null) throw new Error('`up` is no object')
  return token
}

/** A client SDK as far as its requests go: it keeps what the answers say, and decides nothing. */
export interface Sdk {
  readonly jar: CookieJar
  readonly stored: { access: string; refresh: string; front: string | null; antiCsrf: string | null }
  send(method: string, target: string, options?: VisitOptions): Promise<Answer>
  login(options?: VisitOptions): Promise<Answer>
  refresh(options?: VisitOptions): Promise<Answer>
  signOut(options?: VisitOptions): Promise<Answer>
  /** A route that requires a session. */
  me(options?: VisitOptions): Promise<Answer>
  copy(): Sdk
}

export type Mode = 'cookie' | 'header'

export async function openSdkSite(
  http: HttpOptions = {},
  options: Partial<SessionsOptions> = {},
  apiBasePath = '/auth',
): Promise<Site & { sdk(mode: Mode): Sdk }> {
  const site = await openSite({ protocol: supertokens({ apiBasePath }), ...http }, options)
  return { ...site, sdk: (mode) => createSdk(site, mode, apiBasePath) }
}

export function createSdk(
  site: Pick<Site, 'visitor'>,
  mode: Mode,
  base = '/auth',
  jar: CookieJar = createJar(),
  stored: Sdk['stored'] = { access: '', refresh: '', front: null, antiCsrf: null },
): Sdk {
  const { visit } = site.visitor(jar, ORIGIN)

  async function send(method: string, target: string, options: VisitOptions = {}): Promise<Answer> {
    const isRefresh = target === `${base}/session/refresh`
    const token = isRefresh ? stored.refresh : stored.access
    const hasBoth = stored.access !== '' && stored.refresh !== ''
    const answer = await visit(method, target, {
      ...options,
      headers: {
        rid: isRefresh || target === `${base}/signout` ? 'session' : 'anti-csrf',
        ...(isRefresh && { 'fdi-version': '1.16,1.17,1.18,1.19,2.0,3.0,3.1,4.0,4.1,4.2' }),
        'st-auth-mode': mode,
        ...(hasBoth && { authorization: `Bearer ${token}` }),
        ...(stored.antiCsrf !== null && { 'anti-csrf': stored.antiCsrf }),
        ...options.headers,
      },
    })
    store(answer.headers)
    return answer
  }

  function store(headers: Headers): void {
    stored.access = headers.get('st-access-token') ?? stored.access
    stored.refresh = headers.get('st-refresh-token') ?? stored.refresh
    stored.antiCsrf = headers.get('anti-csrf') ?? stored.antiCsrf
    const front = headers.get('front-token')
    if (front === 'remove') Object.assign(stored, { access: '', refresh: '', front: null, antiCsrf: null })
    else if (front !== null) stored.front = front
  }

  return {
    jar,
    stored,
    send,
    login: (options) =>
      send('POST', '/login', {
        handler: async (session) =>
          Response.json(await session.create({ userId: 'anna', claims: { role: 'user' } })),
        ...options,
      }),
    refresh: (options) => send('POST', `${base}/session/refresh`, options),
    signOut: (options) => send('POST', `${base}/signout`, options),
    me: (options) => send('GET', '/me', { info: { required: true }, ...options }),
    copy: () => createSdk(site, mode, base, jar.copy(), { ...stored }),
  }
}
