import { expect, it } from 'vitest'
import { deriveSecrets } from '../../src/core/keys/secrets.ts'
import { contextTag, normalizeContext } from '../../src/core/request-context.ts'
import { mintHandoffCode, originPrint, witnessOf } from '../../src/core/tokens/handoff-code.ts'
import { mintRefreshToken, NO_PARENT } from '../../src/core/tokens/refresh-token.ts'
import { createCsrfToken } from '../../src/http/csrf-token.ts'
import { newSessionId } from '../../src/portable/session-id.ts'
import { type Handler, ORIGIN, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { decodeJwt } from '../support/jwt.ts'
import { SECRET } from '../support/secrets.ts'

/*
 * What a thief of `secret` can do who lacks the database, as SECURITY.md lists it. Session ids are no secret.
 */

const [leaked] = deriveSecrets(SECRET, 'memory')

async function openSignedIn(): Promise<{ site: Site; anna: Visitor; thief: Visitor; sessionId: string }> {
  const site = await openSite({ csrf: 'token' }, { accessToken: { onContextChange: 'refresh' } })
  const anna = site.visitor()
  await anna.login()
  const [session] = await site.sessions.list('anna')
  return { site, anna, thief: site.visitor(), sessionId: session!.sessionId }
}

/** Genuine by its MAC, but without the anchor of the session. */
const forgedToken = (sessionId: string): string =>
  mintRefreshToken([leaked], {
    sessionId,
    generation: 0,
    issuedAt: Date.UTC(2030, 0, 1),
    parent: NO_PARENT,
    anchor: Buffer.alloc(16, 1),
  }).value

it('cannot refresh a session whose id it knows', async () => {
  const { anna, thief, sessionId, site } = await openSignedIn()
  thief.jar.put('__Secure-pawl-refresh', forgedToken(sessionId), '/session')
  expect(await thief.refresh()).toMatchObject({ status: 401, body: { code: 'refresh_token_invalid' } })
  expect((await anna.me()).status).toBe(200)
  expect((await site.sessions.list('anna'))[0]).toMatchObject({ active: true, generation: 0 })
})

it('cannot sign in by a handoff of a session whose id it knows', async () => {
  const { thief, sessionId, site } = await openSignedIn()
  const childId = newSessionId('v7', site.clock.now())
  const code = mintHandoffCode([leaked], {
    parentId: sessionId,
    sessionId: childId,
    at: site.clock.now(),
    endsWithParent: false,
    witness: witnessOf(Buffer.alloc(16, 1), childId),
    origin: originPrint(ORIGIN),
    challenge: null,
  })
  const redeem: Handler = async (session) => Response.json(await session.redeem(code))
  expect(await thief.visit('POST', '/enter', { handler: redeem })).toMatchObject({
    status: 403,
    body: { code: 'handoff_refused' },
  })
  expect(await site.sessions.list('anna')).toHaveLength(1)
})

it('can end a session whose id it knows', async () => {
  const { anna, thief, sessionId } = await openSignedIn()
  thief.jar.put('__Secure-pawl-refresh', forgedToken(sessionId), '/session')
  const headers = { 'pawl-csrf': createCsrfToken([leaked], sessionId) }
  expect((await thief.logout({ headers })).status).toBe(204)
  expect(await anna.me()).toMatchObject({ status: 401, body: { code: 'session_ended' } })
})

it('can make CSRF tokens for a session whose id it knows, but sends no request from another site with them', async () => {
  const { anna, sessionId } = await openSignedIn()
  const token = { 'pawl-csrf': createCsrfToken([leaked], sessionId) }
  expect((await anna.visit('POST', '/notes', { headers: token })).status).toBe(200)
  const crossSite = { ...token, 'sec-fetch-site': 'cross-site' }
  expect((await anna.visit('POST', '/notes', { headers: crossSite })).status).toBe(403)
})

it('can test a guess of the address that an access token was issued to', async () => {
  const { site } = await openSignedIn()
  const { session, accessToken } = await site.sessions.create({ userId: 'bert', ip: '192.0.2.7' })
  const guess = (ip: string): unknown => contextTag(leaked, session.sessionId, normalizeContext({ ip }))
  expect(guess('192.0.2.7')).toBe(decodeJwt(accessToken.value).payload['ctx'])
  expect(guess('192.0.2.8')).not.toBe(decodeJwt(accessToken.value).payload['ctx'])
})
