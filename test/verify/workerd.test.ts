import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ProvidedKey } from '../../src/index.ts'
import { openSessions } from '../support/sessions.ts'
import { gate, KEYS_PATH, REVOCATIONS_PATH, type ServedApplication, serveApplication } from './application.ts'
import { bundleForEdge } from './bundle.ts'
import { startWorker } from './workerd.ts'

const ALGORITHMS = ['EdDSA', 'ES256'] as const
const signingKeys = (algorithm: (typeof ALGORITHMS)[number]): readonly ProvidedKey[] => {
  const { privateKey } =
    algorithm === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return [{ kid: 'k1', algorithm, key: privateKey }]
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Compatibility dates before and after the runtime let a promise resolve across requests. */
describe.each(['2023-03-01', '2026-11-01'])('in a Worker as of %s', (date) => {
  async function open(keys: readonly ProvidedKey[] = signingKeys('EdDSA')): Promise<{
    application: ServedApplication
    ask(token: string | null, init?: RequestInit, path?: string): Promise<Answer>
  }> {
    const application = await serveApplication({ keys: { provided: keys }, now: Date.now })
    const { code } = await bundleForEdge(new URL('./worker.ts', import.meta.url), {
      JWKS: JSON.stringify(application.keys),
      REVOCATIONS: JSON.stringify(application.revocations),
    })
    const origin = await startWorker(code, date)
    return {
      application,
      async ask(token, init, path = '/') {
        const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` }
        const response = await fetch(origin + path, { headers, ...init })
        return { status: response.status, body: await response.json() }
      },
    }
  }

  it.each(ALGORITHMS)('%s tokens are accepted, forged and expired ones refused', async (algorithm) => {
    const keys = signingKeys(algorithm)
    const { application, ask } = await open(keys)
    const { token } = await application.login({ role: 'admin' })
    expect(await ask(token)).toStrictEqual({
      status: 200,
      body: { userId: 'anna', claims: { role: 'admin' } },
    })
    expect(await ask(null)).toStrictEqual({ status: 401, body: { code: 'not_signed_in', refresh: false } })
    const [header, payload, signature] = token.split('.') as [string, string, string]
    const content = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const modified = Buffer.from(JSON.stringify({ ...content, sub: 'admin' })).toString('base64url')
    const foreign = await openSessions({ keys: { provided: signingKeys(algorithm) } })
    const { accessToken: stranger } = await foreign.create({ userId: 'anna' })
    for (const forged of [`${header}.${modified}.${signature}`, stranger.value, `${token}x`, 'x'])
      expect(await ask(forged)).toStrictEqual({
        status: 401,
        body: { code: 'access_token_invalid', refresh: true },
      })
    const yesterday = await openSessions({ keys: { provided: keys }, now: () => Date.now() - 86_400_000 })
    const { accessToken: old } = await yesterday.create({ userId: 'anna' })
    expect(await ask(old.value)).toStrictEqual({
      status: 401,
      body: { code: 'access_token_expired', refresh: true },
    })
  })

  it.each(['/', '/without-context'])(
    'a revoked session is refused within the interval, at %s',
    async (path) => {
      const { application, ask } = await open()
      const [{ token, sessionId }, { token: other }] = [await application.login(), await application.login()]
      expect((await ask(token, {}, path)).status).toBe(200)
      await application.sessions.revoke(sessionId, 'revoked')
      const before = application.requested(REVOCATIONS_PATH)
      let answer = await ask(token, {}, path)
      while (answer.status === 200) answer = await ask(token, {}, path)
      expect(answer).toStrictEqual({ status: 401, body: { code: 'session_ended', refresh: false } })
      // One load may be in progress, and the application may serve a list that is one second (one interval) old.
      expect(application.requested(REVOCATIONS_PATH) - before).toBeLessThanOrEqual(3)
      expect((await ask(other, {}, path)).status).toBe(200)
    },
  )

  it('concurrent requests load the keys once', async () => {
    const { application, ask } = await open()
    const { token } = await application.login()
    const keySet = JSON.stringify(application.sessions.keys.jwks())
    const held = gate()
    application.replace(
      KEYS_PATH,
      held.hold((_req, res) => void res.end(keySet)),
    )
    const all = Promise.all(Array.from({ length: 20 }, () => ask(token)))
    while (held.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
    held.open()
    expect(new Set((await all).map(({ status }) => status))).toStrictEqual(new Set([200]))
    expect(application.requested(KEYS_PATH)).toBe(1)
    // On a slow machine the list turns old before the last request: that one loads it again.
    expect(application.requested(REVOCATIONS_PATH)).toBeLessThanOrEqual(2)
  })
})
