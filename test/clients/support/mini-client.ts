import type { Driven } from './drive.ts'

interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
}

/** What survives the app. */
export interface Disk {
  tokens: Tokens | null
}

export type Mistake =
  | 'signs out without the server'
  | 'refreshes whenever the answer is 401'
  | 'keeps the tokens in memory alone'
  | 'never refreshes'
  | 'repeats a request without its body'
  | 'signs out only with a valid access token'
  | 'compares the expiry with its clock'
  | 'refreshes once for each request'
  | 'refreshes for an old access token'
  | 'takes every refusal for its own'
  | 'keeps the answer to a refresh after the sign-out'
  | 'uses new tokens before it saves them'
  | 'clears its storage before it refreshes'
  | 'signs out when a refresh gets no answer'
  | 'repeats a refresh without end'
  | 'signs out when an answer is no JSON'
  | 'decides by the status of the refresh'
  | 'signs out after 503'
  | 'repeats at once after 503'
  | 'repeats a request without end'
  | 'stores null for a token that stays'
  | 'does not notice the end'
  | 'leaves the tokens in its storage'
  | 'goes on with the tokens in memory'
  | 'refreshes again after each `once`'
  | 'does not know `once`'
  | 'sends tokens in URLs'
  | 'sends the refresh token with every request'
  | 'sends tokens everywhere'
  | 'refreshes for other origins'
  | 'keeps tokens through redirects'

/** Mistakes that clients make, each with the scenarios that must find it. */
export const MISTAKES: Readonly<Record<Mistake, readonly string[]>> = {
  'signs out without the server': ['life'],
  'refreshes whenever the answer is 401': ['not-signed-in', 'revoked', 'app-401'],
  'keeps the tokens in memory alone': ['restart'],
  'never refreshes': ['expiry'],
  'repeats a request without its body': ['expiry'],
  'signs out only with a valid access token': ['sign-out-expired'],
  'compares the expiry with its clock': ['clock-behind'],
  'refreshes once for each request': ['burst'],
  'refreshes for an old access token': ['late-401'],
  'takes every refusal for its own': ['late-refusal'],
  'keeps the answer to a refresh after the sign-out': ['sign-out-race'],
  'uses new tokens before it saves them': ['crash-before-use'],
  'clears its storage before it refreshes': ['crash-before-answer'],
  'signs out when a refresh gets no answer': ['lost-answer', 'lost-request'],
  'repeats a refresh without end': ['lost-request', 'unavailable'],
  'signs out when an answer is no JSON': ['wifi-login'],
  'decides by the status of the refresh': ['proxy-401'],
  'signs out after 503': ['unavailable'],
  'repeats at once after 503': ['unavailable'],
  'repeats a request without end': ['still-refused'],
  'stores null for a token that stays': ['kept-token'],
  'does not notice the end': ['revoked', 'revoked-expired', 'theft-by-copy', 'theft-found', 'replaced'],
  'leaves the tokens in its storage': ['life', 'revoked-expired', 'theft-by-copy', 'theft-found'],
  'goes on with the tokens in memory': ['life', 'revoked'],
  'refreshes again after each `once`': ['replaced'],
  'does not know `once`': ['once'],
  'sends tokens in URLs': ['urls'],
  'sends the refresh token with every request': ['urls'],
  'sends tokens everywhere': ['other-origin'],
  'refreshes for other origins': ['other-origin'],
  'keeps tokens through redirects': ['redirect'],
}

/** At most so many repetitions, where a mistake has no end. */
const ENDLESS = 12

/**
 * A small client of bearer mode that makes no mistake, or exactly one.
 * @param url of the API
 */
export function miniClient(url: string, disk: Disk, mistake?: Mistake): Driven {
  const makes = (name: Mistake): boolean => mistake === name
  let tokens = makes('keeps the tokens in memory alone') ? null : disk.tokens
  let isSignedIn: boolean | null = tokens === null ? null : true
  /** Increases with every sign-in and sign-out. */
  let session = 0
  let refreshing: Promise<boolean> | null = null

  async function save(next: Tokens | null): Promise<void> {
    await Promise.resolve()
    disk.tokens = next
  }

  async function end(): Promise<void> {
    session++
    if (makes('does not notice the end')) return
    isSignedIn = false
    if (!makes('goes on with the tokens in memory')) tokens = null
    if (!makes('leaves the tokens in its storage')) await save(null)
  }

  function refresh(): Promise<boolean> {
    if (makes('refreshes once for each request')) return sendRefresh()
    refreshing ??= sendRefresh().finally(() => {
      refreshing = null
    })
    return refreshing
  }

  async function post(path: string, body: unknown): Promise<Response> {
    return fetch(url + path, {
      method: 'POST',
      headers: { 'pawl-transport': 'bearer', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  }

  async function sendRefresh(attempt = 0): Promise<boolean> {
    const started = session
    const presented = tokens
    if (makes('clears its storage before it refreshes')) await save(null)
    let response: Response
    let body: Record<string, unknown>
    try {
      response = await post('/session/refresh', { refreshToken: presented?.refreshToken })
      const text = await response.text()
      body = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : {}
    } catch (error) {
      if (makes('repeats a refresh without end') && attempt < ENDLESS) return sendRefresh(attempt + 1)
      if (makes('signs out when a refresh gets no answer')) await end()
      throw error
    }
    if (response.status === 503) {
      if (makes('signs out after 503')) await end()
      const repeats = makes('repeats at once after 503')
        ? 2
        : makes('repeats a refresh without end')
          ? ENDLESS
          : 0
      if (attempt < repeats) return sendRefresh(attempt + 1)
      throw new TypeError('the server is not available')
    }
    if (response.status === 401 && makes('decides by the status of the refresh')) body = { refresh: false }
    if (response.status === 401 && body['refresh'] !== undefined) {
      const again = makes('refreshes again after each `once`') ? ENDLESS : 1
      if (body['refresh'] === 'once' && attempt < again) return sendRefresh(attempt + 1)
      if (started === session) await end()
      return false
    }
    if (typeof body['accessToken'] !== 'string') {
      if (makes('signs out when an answer is no JSON')) await end()
      throw new TypeError('no answer of the API')
    }
    if (started !== session && !makes('keeps the answer to a refresh after the sign-out')) return false
    const next = {
      accessToken: body['accessToken'],
      refreshToken: makes('stores null for a token that stays')
        ? (body['refreshToken'] as string)
        : ((body['refreshToken'] ?? presented?.refreshToken) as string),
    }
    if (!makes('uses new tokens before it saves them')) await save(next)
    tokens = next
    isSignedIn = true
    return true
  }

  async function send(target: string, init: RequestInit, isRepeated: boolean): Promise<Response> {
    const headers = new Headers(init.headers)
    const to = new URL(target)
    headers.set('pawl-transport', 'bearer')
    if (tokens !== null) headers.set('authorization', `Bearer ${tokens.accessToken}`)
    if (tokens !== null && makes('sends the refresh token with every request'))
      headers.set('x-refresh-token', tokens.refreshToken)
    if (tokens !== null && makes('sends tokens in URLs')) to.searchParams.set('token', tokens.accessToken)
    const body = isRepeated && makes('repeats a request without its body') ? null : (init.body ?? null)
    if (!makes('keeps tokens through redirects')) return fetch(to, { ...init, headers, body })
    const response = await fetch(to, { ...init, headers, body, redirect: 'manual' })
    const location = response.headers.get('location')
    return location === null ? response : fetch(location, { headers })
  }

  async function request(target: string, init: RequestInit, repetitions = 0): Promise<Response> {
    const isOurs = target.startsWith(`${url}/`)
    const isTrusted = isOurs || makes('sends tokens everywhere') || makes('refreshes for other origins')
    if (!isTrusted) return fetch(target, init)
    if (makes('compares the expiry with its clock') && tokens !== null && hasExpired(tokens.accessToken))
      await refresh()
    const sentWith = tokens
    const startedIn = session
    const response =
      makes('refreshes for other origins') && !isOurs
        ? await fetch(target, init)
        : await send(target, init, repetitions > 0)
    if (!isOurs && !makes('refreshes for other origins')) return response
    if (makes('uses new tokens before it saves them') && tokens !== null && tokens !== disk.tokens)
      await save(tokens)
    if (response.status !== 401 || makes('never refreshes')) return response
    const body = await response
      .clone()
      .json()
      .then(Object, () => ({}))
    const isOwn = startedIn === session || makes('takes every refusal for its own')
    let says: unknown = body.refresh
    if (makes('refreshes whenever the answer is 401')) says = true
    if (says === 'once' && makes('does not know `once`')) says = false
    if (says === undefined) return response
    if (says === false) {
      if (isOwn) await end()
      return response
    }
    if (repetitions >= (makes('repeats a request without end') ? ENDLESS : 1)) return response
    const isNewer = tokens !== sentWith && !makes('refreshes for an old access token')
    if (!isNewer && !(await refresh())) return response
    return request(target, init, repetitions + 1)
  }

  return {
    async signIn(login, user) {
      const response = await post(login.slice(url.length), { user })
      const { accessToken, refreshToken } = (await response.json()) as Tokens
      session++
      await save({ accessToken, refreshToken })
      tokens = { accessToken, refreshToken }
      isSignedIn = true
    },
    async signOut() {
      if (makes('signs out only with a valid access token')) {
        const response = await send(`${url}/me`, {}, false)
        if (response.status !== 200) return end()
      }
      if (!makes('signs out without the server')) await post('/session/logout', tokens ?? {})
      await end()
    },
    fetch: request,
    signedIn: () => isSignedIn,
    stored: () => disk.tokens !== null,
  }
}

function hasExpired(accessToken: string): boolean {
  const [, payload = ''] = accessToken.split('.')
  const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp: number }
  return exp * 1000 < Date.now()
}
