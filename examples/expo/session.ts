import { createSessionClient, type SessionClient } from 'pawl/client'
import { type SecureStoreModule, secureStoreTokens } from 'pawl/client/native'

export interface User {
  readonly userId: string
  readonly name: string
}

/** Everything of the session that is no React Native, so that a test can run it in Node.js. */
export function createSession(baseUrl: string, SecureStore: SecureStoreModule): SessionClient<User> {
  const tokens = secureStoreTokens(SecureStore)
  return createSessionClient<User>({ baseUrl, tokens, user: tokens.rememberUser(loadUser) })
}

async function loadUser(fetch: typeof globalThis.fetch): Promise<User | null> {
  const response = await fetch('/me')
  const body = await response.json()
  if (response.status === 401 && body.refresh === false) return null // nobody is signed in
  if (!response.ok) throw new Error(`/me answered ${response.status}`) // cannot be said now
  return body as User
}

/** @returns false if the server refused the login */
export function signIn(client: SessionClient<User>, name: string): Promise<boolean> {
  return client.signIn(async () => {
    const response = await client.fetch('/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name }),
    })
    return response.ok ? response.json() : null
  })
}
