import { describe, expect, it } from 'vitest'
import { supertokens } from '../../src/supertokens/index.ts'
import { express4Adapter, express5Adapter } from '../support/adapters/express.ts'
import { fastifyAdapter } from '../support/adapters/fastify.ts'
import { h3Adapter } from '../support/adapters/h3.ts'
import { honoAdapter } from '../support/adapters/hono.ts'
import { koaAdapter } from '../support/adapters/koa.ts'
import { nodeAdapter } from '../support/adapters/node.ts'
import { createClient, type Received } from '../support/http-client.ts'
import { openWithClock } from '../support/sessions.ts'
import { parseFrontToken } from './support/sdk.ts'

const ADAPTERS = [
  nodeAdapter,
  express5Adapter,
  express4Adapter,
  fastifyAdapter,
  koaAdapter,
  honoAdapter,
  h3Adapter,
]
const SPA = 'https://spa.example.com'
const fromSpa = { origin: SPA, 'sec-fetch-site': 'same-site' }
const GONE = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax'
const CLEARED = [`sAccessToken=; Path=/; ${GONE}`, `sRefreshToken=; Path=/auth/session/refresh; ${GONE}`]

const names = ({ headers }: Received): string[] =>
  String(headers['access-control-expose-headers']).split(', ').sort()
const OF_CORS = ['Retry-After', 'dpop-nonce']

describe.each(ADAPTERS)('$name', (adapter) => {
  async function open(mode: 'cookie' | 'header') {
    const { sessions, clock } = await openWithClock()
    const http = { protocol: supertokens(), cors: true, trustedOrigins: [SPA] }
    const { port } = await adapter.listen(sessions, http)
    const client = createClient(port)
    const tokens = { access: '', refresh: '' }
    async function send(method: string, path: string, body?: string): Promise<Received> {
      const token = path.endsWith('/refresh') ? tokens.refresh : tokens.access
      const answer = await client.send(method, path, {
        headers: {
          ...fromSpa,
          rid: 'anti-csrf',
          'st-auth-mode': mode,
          ...(token !== '' && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        ...(body !== undefined && { body }),
      })
      tokens.access = String(answer.headers['st-access-token'] ?? tokens.access)
      tokens.refresh = String(answer.headers['st-refresh-token'] ?? tokens.refresh)
      return answer
    }
    return { client, clock, send }
  }

  it('serves a client in cookie mode', async () => {
    const { client, clock, send } = await open('cookie')
    const login = await send('POST', '/login?user=anna')
    expect([login.status, login.cookies.length]).toStrictEqual([200, 2])
    expect(parseFrontToken(String(login.headers['front-token']))).toMatchObject({
      uid: 'anna',
      up: { role: 'user' },
    })
    expect(names(login)).toStrictEqual([...OF_CORS, 'front-token'].sort())
    clock.advance(3600)
    expect(await send('GET', '/me')).toMatchObject({ status: 401, body: { message: 'try refresh token' } })
    const refresh = await send('POST', '/auth/session/refresh', '')
    expect([refresh.status, refresh.text, refresh.cookies.length]).toStrictEqual([200, '{}', 2])
    parseFrontToken(String(refresh.headers['front-token']))
    expect(await send('GET', '/me')).toMatchObject({ status: 200, body: { userId: 'anna' } })
    expect((await send('POST', '/act?user=berta')).status).toBe(200)
    expect(await send('GET', '/actor')).toMatchObject({ status: 200, body: { userId: 'berta', by: 'anna' } })
    const signOut = await send('POST', '/auth/signout')
    expect(signOut).toMatchObject({ status: 200, body: { status: 'OK' }, cookies: CLEARED })
    expect(signOut.headers['front-token']).toBe('remove')
    expect(client.jar.names).toStrictEqual([])
    const anonymous = await send('POST', '/auth/session/refresh')
    expect(anonymous).toMatchObject({ status: 401, body: { message: 'unauthorised' }, cookies: [] })
    expect([anonymous.headers['front-token'], names(anonymous)]).toStrictEqual([
      'remove',
      [...OF_CORS, 'front-token'].sort(),
    ])
  })

  it('serves a client in header mode', async () => {
    const { clock, send } = await open('header')
    const login = await send('POST', '/login?user=anna')
    const exposed = [...OF_CORS, 'front-token', 'st-access-token', 'st-refresh-token'].sort()
    expect([login.status, login.cookies, names(login)]).toStrictEqual([200, [], exposed])
    clock.advance(3600)
    expect(await send('GET', '/me')).toMatchObject({ status: 401, body: { message: 'try refresh token' } })
    const refresh = await send('POST', '/auth/session/refresh', '')
    expect([refresh.status, refresh.text, refresh.cookies, names(refresh)]).toStrictEqual([
      200,
      '{}',
      [],
      exposed,
    ])
    expect(await send('POST', '/pay')).toMatchObject({ status: 403, body: { message: 'invalid claim' } })
    const bye = await send('POST', '/bye')
    expect([bye.status, bye.headers['front-token'], bye.headers['st-refresh-token']]).toStrictEqual([
      200,
      'remove',
      '',
    ])
    expect(await send('GET', '/me')).toMatchObject({ status: 401, body: { message: 'unauthorised' } })
  })
})
