import { createRequire } from 'node:module'
import express from 'express'
import passport from 'passport'
import { Strategy } from 'passport-local'
import { expect, it } from 'vitest'
import { expressSessions } from '../../src/adapters/express/index.ts'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { createClient } from '../support/http-client.ts'
import { listen } from '../support/http-server.ts'
import { openSessions } from '../support/sessions.ts'

const LOST = (name: string): RegExp =>
  new RegExp(`^\`session\\.${name} = …\` would be lost after this request: .*\`await session\\.patchData\\(`)

/** Runs in sloppy mode, as CommonJS without 'use strict' does. */
const sloppy = (code: string): ((session: unknown) => void) =>
  createRequire(import.meta.url)('node:vm').runInThisContext(`(function (session) { ${code} })`)

async function inRequest(run: (session: Record<string, unknown>) => void): Promise<void> {
  const withSession = fetchSessions(await openSessions())
  await withSession(new Request('https://app.example.com/'), (session) => {
    run(session as unknown as Record<string, unknown>)
    return new Response()
  })
}

it.each([
  ['cart', 'session.cart = [1]'],
  ['cart', "'use strict'; session.cart = [1]"],
  ['cart', 'session.cart ??= []'],
  ['cart', 'Object.assign(session, { cart: [1] })'],
  ['csrfSecret', "Reflect.set(session, 'csrfSecret', 'x')"],
  ['visits', 'session.visits = (session.visits || 0) + 1'],
  ['claims', 'session.claims = { role: "admin" }'],
  ['userId', "'use strict'; session.userId = 'anna'"],
  ['flash', '({ flash: session.flash } = { flash: {} })'],
])('a write of `%s` throws an error that says where data goes: %s', async (name, code) => {
  await inRequest((session) => {
    expect(() => sloppy(code)(session)).toThrow(LOST(name))
    expect(session['cart']).toBeUndefined()
  })
})

it('reading, listing and deleting unknown properties works as on any object', async () => {
  await inRequest((session) => {
    expect([session['cart'], 'cart' in session, delete session['cart']]).toStrictEqual([
      undefined,
      false,
      true,
    ])
    expect([Object.keys(session), String(session)]).toStrictEqual([['transport'], '[object Object]'])
    expect(session['constructor']).toBe(Object.getPrototypeOf(session).constructor)
  })
})

it('Passport with its own sessions gets an error that says what to do', async () => {
  const authenticator = new passport.Passport()
  authenticator.use(new Strategy((name, _password, done) => done(null, { id: '1', name })))
  authenticator.serializeUser((user, done) => done(null, user))
  const app = express()
  app.use(express.json(), expressSessions(await openSessions()), authenticator.session())
  app.post('/login', authenticator.authenticate('local'), (_req, res) => void res.end())
  const errors: Error[] = []
  const last: express.ErrorRequestHandler = (error, _req, res, _next) => {
    errors.push(error)
    res.status(500).end()
  }
  app.use(last)
  const body = JSON.stringify({ username: 'anna', password: 'secret' })
  const headers = { 'content-type': 'application/json', 'content-length': String(body.length) }
  await createClient(await listen(app)).send('POST', '/login', { headers, body })
  expect(errors[0]?.message).toMatch(
    /^Pawl's session has no `regenerate\(\)`.*Passport needs `\{ session: false \}`/,
  )
})
