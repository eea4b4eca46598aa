import type { Driven } from './drive.ts'

/** Tokens in the storage of an app. */
export interface NaiveStorage {
  tokens: { accessToken: string; refreshToken: string } | null
}

/** The interceptor that many applications start with: on a 401 refresh and repeat, and on any failure sign out. */
export function naiveClient(url: string, storage: NaiveStorage): Driven {
  async function post(path: string, body: object): Promise<Record<string, string>> {
    const headers = { 'pawl-transport': 'bearer', 'content-type': 'application/json' }
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`${response.status}`)
    return response.status === 204 ? {} : response.json()
  }

  async function send(target: string, init: RequestInit, isRepeated = false): Promise<Response> {
    const headers = { authorization: `Bearer ${storage.tokens?.accessToken}`, 'pawl-transport': 'bearer' }
    const response = await fetch(target, { ...init, headers })
    if (response.status !== 401 || isRepeated) return response
    try {
      const { accessToken, refreshToken } = await post('/session/refresh', {
        refreshToken: storage.tokens?.refreshToken ?? '',
      })
      storage.tokens = { accessToken: accessToken!, refreshToken: refreshToken! }
    } catch {
      storage.tokens = null
      return response
    }
    return send(target, init, true)
  }

  return {
    async signIn(login, user) {
      const { accessToken, refreshToken } = await post(login.slice(url.length), { user })
      storage.tokens = { accessToken: accessToken!, refreshToken: refreshToken! }
    },
    async signOut() {
      await send(`${url}/session/logout`, { method: 'POST' }).catch(() => {})
      storage.tokens = null
    },
    fetch: send,
    signedIn: () => storage.tokens !== null,
    stored: () => storage.tokens !== null,
  }
}
