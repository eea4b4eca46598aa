import { createSessionClient, memoryTokens, type SessionClientOptions } from '../../../src/client/index.ts'
import { type CookieJar, createJar } from '../../support/http-jar.ts'
import type { Driven } from './drive.ts'

/** `pawl/client` in bearer mode. */
export function bearerApp(): (isFresh: boolean, url: string) => Driven {
  let tokens = memoryTokens()
  return (isFresh, baseUrl) => {
    if (isFresh) tokens = memoryTokens()
    const { load } = tokens
    return driven({ baseUrl, tokens }, async () => (await load()) !== null)
  }
}

/** `pawl/client` in cookie mode, in a stand-in for a browser. */
export function cookiePage(): (isFresh: boolean, url: string) => Driven {
  let jar = createJar()
  return (isFresh, baseUrl) => {
    if (isFresh) jar = createJar()
    return driven({ baseUrl, fetch: browserFetch(jar, baseUrl) }, () => null)
  }
}

/** @param stored whether the storage holds tokens */
export function driven(options: SessionClientOptions, stored: Driven['stored']): Driven {
  const client = createSessionClient({ ...options, onProblem() {} })
  return {
    signIn: (url, user) =>
      client.signIn(async () => {
        const response = await client.fetch(url, { method: 'POST', body: JSON.stringify({ user }) })
        return response.ok ? response.json() : null
      }),
    signOut: () => client.signOut(),
    kill: () => client.close(),
    fetch: (url, init) => client.fetch(url, init),
    signedIn: () => (client.session.status === 'unknown' ? null : client.session.status === 'signed-in'),
    stored,
  }
}

/** The `fetch` of a browser that has cookies of one origin. */
export function browserFetch(jar: CookieJar, origin: string): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const url = new URL(request.url)
    const hasCookies = url.origin === origin && request.credentials === 'include'
    const headers = new Headers(request.headers)
    const cookie = jar.header(url.pathname)
    if (cookie !== undefined && hasCookies) headers.set('cookie', cookie)
    const response = await fetch(new Request(request, { headers }))
    if (hasCookies) jar.store(response.headers.getSetCookie())
    return response
  }
}
