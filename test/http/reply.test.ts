import { expect, it } from 'vitest'
import { type Answer, openSite, type Visitor } from '../support/http-site.ts'

const SPA = 'https://spa.example.com'
const PREFLIGHT = { origin: SPA, 'sec-fetch-site': 'same-site', 'access-control-request-method': 'POST' }

const answers: Record<string, [status: number, ask: (anna: Visitor) => Promise<Answer>]> = {
  'a refresh': [200, (anna) => anna.refresh()],
  'a logout': [204, (anna) => anna.logout()],
  'the public keys': [200, (anna) => anna.visit('GET', '/.well-known/jwks.json')],
  'the revocations': [200, (anna) => anna.visit('GET', '/session/revocations')],
  'revocations that have not changed': [
    304,
    async (anna) => {
      const etag = (await anna.visit('GET', '/session/revocations')).headers.get('etag')!
      return anna.visit('GET', '/session/revocations', { headers: { 'if-none-match': etag } })
    },
  ],
  'a resumed navigation': [303, (anna) => anna.navigate('/session/refresh?to=/page')],
  'a preflight': [204, (anna) => anna.visit('OPTIONS', '/notes', { headers: PREFLIGHT })],
  'a cross-site request': [
    403,
    (anna) => anna.visit('POST', '/notes', { headers: { 'sec-fetch-site': 'cross-site' } }),
  ],
  'a refusal': [401, (anna) => anna.me({ headers: { cookie: undefined } })],
  'a refresh by PUT': [405, (anna) => anna.visit('PUT', '/session/refresh')],
  'a logout by GET': [405, (anna) => anna.visit('GET', '/session/logout')],
  'revocations by POST': [405, (anna) => anna.visit('POST', '/session/revocations')],
}

it.each(Object.entries(answers))(
  'the answer to %s forbids browsers to guess its type',
  async (_name, [status, ask]) => {
    const { visitor } = await openSite(
      { trustedOrigins: [SPA], cors: true, revocations: true },
      { keys: { algorithm: 'EdDSA' } },
    )
    const anna = visitor()
    await anna.login()
    const answer = await ask(anna)
    expect([answer.status, answer.headers.get('x-content-type-options')]).toStrictEqual([status, 'nosniff'])
    // A cache may otherwise keep a 405 (RFC 9110 section 15.5.6).
    if (status === 405) expect(answer.headers.get('cache-control')).toBe('no-store')
  },
)
