import { expect, it } from 'vitest'
import type { HttpOptions } from '../../src/adapters/node/index.ts'
import { coded } from '../support/errors.ts'
import { describeAdapters } from '../support/http-adapters.ts'
import { type Client, createClient } from '../support/http-client.ts'
import { silentLogger } from '../support/logger.ts'
import { openWithClock } from '../support/sessions.ts'

const SPA = 'https://spa.example.com'
const SHARED: HttpOptions = { trustedOrigins: [SPA], cors: true }
const fromSpa = { origin: SPA, 'sec-fetch-site': 'same-site' }
const fromElsewhere = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
const preflight = (origin: Record<string, string>, headers = 'content-type'): Record<string, string> => ({
  ...origin,
  'access-control-request-method': 'POST',
  'access-control-request-headers': headers,
})

describeAdapters('CORS', (adapter) => {
  async function open(http: HttpOptions): Promise<{ client: Client; warned: string[] }> {
    const warned: string[] = []
    const warn = (fields: object, message: string): void =>
      void warned.push(`${JSON.stringify(fields)} ${message}`)
    const { sessions } = await openWithClock({ logger: { ...silentLogger, warn } })
    const { port } = await adapter.listen(sessions, http)
    return { client: createClient(port), warned }
  }

  it('answers the preflight of a trusted origin for all routes', async () => {
    const { client } = await open(SHARED)
    for (const path of ['/session/refresh', '/notes']) {
      const headers = preflight(fromSpa, 'X-Request-Id, pawl-csrf')
      const answer = await client.send('OPTIONS', path, { headers })
      expect(answer).toMatchObject({ status: 204, text: '', cookies: [] })
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': SPA,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
        'access-control-allow-headers':
          'authorization, content-type, pawl-csrf, dpop, pawl-transport, x-request-id',
        'access-control-max-age': '7200',
      })
      const vary = String(answer.headers.vary).split(', ')
      expect(vary).toStrictEqual(
        expect.arrayContaining(['Origin', 'Access-Control-Request-Method', 'Access-Control-Request-Headers']),
      )
    }
  })

  it('allows a trusted origin in every response, including refusals', async () => {
    const { client } = await open(SHARED)
    const login = await client.send('POST', '/login?user=anna', { headers: fromSpa })
    const me = await client.send('GET', '/me', { headers: fromSpa })
    const refresh = await client.send('POST', '/session/refresh', { headers: fromSpa })
    const logout = await client.send('POST', '/session/logout', { headers: fromSpa })
    const refused = await client.send('GET', '/me', { headers: fromSpa })
    expect([login, me, refresh, logout, refused].map(({ status }) => status)).toStrictEqual([
      200, 200, 200, 204, 401,
    ])
    for (const { headers } of [login, me, refresh, logout, refused]) {
      expect(headers['access-control-allow-origin']).toBe(SPA)
      expect(headers['access-control-allow-credentials']).toBe('true')
      expect(headers['access-control-expose-headers']).toBe('Retry-After, dpop-nonce')
      expect(String(headers.vary)).toMatch(/(?:^|, )Origin(?:,|$)/)
    }
    expect(String(login.headers.vary).split(', ').sort()).toStrictEqual(['Cookie', 'Origin'])
  })

  it('allows no other origin, and sends `Vary: Origin`', async () => {
    const { client } = await open(SHARED)
    const asked = await client.send('OPTIONS', '/session/refresh', { headers: preflight(fromElsewhere) })
    const get = await client.send('GET', '/hello', { headers: fromElsewhere })
    const plain = await client.send('GET', '/hello')
    for (const { headers } of [asked, get, plain])
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toStrictEqual([])
    for (const { headers } of [get, plain]) expect(headers.vary).toBe('Origin')
    const post = await client.send('POST', '/login?user=anna', { headers: fromElsewhere })
    expect(post).toMatchObject({ status: 403, body: { code: 'csrf_rejected' }, cookies: [] })
  })

  it('allows only valid header names, and a limited number of them', async () => {
    const { client } = await open(SHARED)
    const many = Array.from({ length: 100 }, (_, index) => `x-${index}`).join(',')
    for (const asked of [many, 'x y, <script>', 'x'.repeat(2000)]) {
      const headers = preflight(fromSpa, asked)
      const answer = await client.send('OPTIONS', '/notes', { headers })
      const allowed = String(answer.headers['access-control-allow-headers'])
      expect(allowed).toMatch(/^[\w, -]+$/)
      expect(allowed.split(', ').length).toBeLessThanOrEqual(37)
    }
  })

  it('is left to the application without the option `cors`, with a warning', async () => {
    const { client, warned } = await open({ trustedOrigins: [SPA] })
    for (let time = 0; time < 3; time++) {
      const answer = await client.send('OPTIONS', '/session/refresh', { headers: preflight(fromSpa) })
      expect(answer.headers['access-control-allow-origin']).toBeUndefined()
      await client.send('GET', '/hello', { headers: { ...fromSpa, 'sec-fetch-site': 'cross-site' } })
    }
    expect(warned).toStrictEqual([
      expect.stringMatching(/^\{"event":"corsBlocked"\} .*Access-Control-Allow-Origin/),
      expect.stringMatching(/^\{"event":"cookiesNotSent"\} .*SameSite/),
    ])
    expect(warned[0]).toContain('Set `cors: true`, or mount your own CORS middleware before Pawl.')
  })

  it('warns if a trusted origin sends requests but may not read the responses', async () => {
    const { client, warned } = await open({ trustedOrigins: [SPA] })
    const headers = { ...fromSpa, 'sec-fetch-mode': 'cors' }
    // Browsers send these requests without a preflight.
    for (let time = 0; time < 2; time++) await client.send('POST', '/login?user=anna', { headers })
    expect(warned).toStrictEqual([
      expect.stringMatching(/^\{"event":"corsBlocked"\} .*Access-Control-Allow-Origin/),
    ])
    expect(warned[0]).toContain('or mount your own CORS middleware before Pawl.')
    // A form submission needs no CORS headers.
    await client.send('POST', '/notes', { headers: { ...fromSpa, 'sec-fetch-mode': 'navigate' } })
    expect(warned).toHaveLength(1)
  })

  it('warns once about each untrusted origin that sends a preflight', async () => {
    const { client, warned } = await open(SHARED)
    for (const origin of ['https://evil.example', 'https://preview.example', 'https://evil.example']) {
      for (const path of ['/session/refresh', '/notes']) {
        const headers = preflight({ origin, 'sec-fetch-site': 'cross-site' })
        await client.send('OPTIONS', path, { headers })
      }
    }
    expect(warned).toStrictEqual([
      expect.stringMatching(/^\{"event":"originRefused"\} .*https:\/\/evil\.example .*`trustedOrigins`/),
      expect.stringMatching(/https:\/\/preview\.example .*`trustedOrigins`/),
    ])
  })

  it('rejects the option `cors` without trusted origins, and the origin `*`', async () => {
    const { sessions } = await openWithClock()
    await expect(adapter.listen(sessions, { cors: true })).rejects.toThrow(
      coded('ERR_INVALID_OPTIONS', { option: 'cors' }) as Error,
    )
    await expect(adapter.listen(sessions, { cors: true, trustedOrigins: ['*'] })).rejects.toThrow(
      coded('ERR_INVALID_OPTIONS', { option: 'trustedOrigins[0]' }) as Error,
    )
  })
})
