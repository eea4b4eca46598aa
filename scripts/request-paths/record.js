import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createRequire, register } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'
import express from 'express'

/** Longer than the pause between two batches of confirmations, in ms. */
const PAUSE = 100

/** The files that the current request has run. The promises and timers of the request share them. */
const request = new AsyncLocalStorage()
globalThis.recordCall = (file, name) => {
  const files = request.getStore()
  if (files?.has(file) === false) files.set(file, name)
}
// In development Pawl also reads the cookies of plain localhost, which changes the order.
process.env.NODE_ENV = 'production'
register('./instrument.js', import.meta.url)

/** Imports an entry point of the package from its source. */
function importSource(entry) {
  const { exports } = createRequire(import.meta.url)('../../package.json')
  return import(exports[entry].default.replace(/^\.\/dist\/(.+)\.js$/, '../../src/$1.ts'))
}

/**
 * Sends one request of each kind to an Express application on the memory store.
 * @returns for each kind the files that ran, in order, each with the function that ran first
 */
export async function recordRequests() {
  const { createSessions } = await importSource('.')
  const { memory } = await importSource('./memory')
  const { expressSessions, requireSession } = await importSource('./express')
  const { createJar } = await import('../../test/support/http-jar.ts')

  const sessions = await createSessions({ store: memory(), secret: randomBytes(32) })
  let files
  const app = express()
  app.use((_req, _res, next) => request.run(files, next))
  app.use(expressSessions(sessions))
  app.post('/login', async (req, res) => res.json(await req.session.create({ userId: 'anna' })))
  app.get('/me', requireSession(), (req, res) => res.json({ userId: req.session.userId }))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const jar = createJar()
  async function send(method, path) {
    files = new Map()
    const response = await fetch(`http://127.0.0.1:${server.address().port}${path}`, {
      method,
      headers: { 'sec-fetch-site': 'same-origin', cookie: jar.header(path) ?? '' },
    })
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`)
    await response.arrayBuffer()
    jar.store(response.headers.getSetCookie())
    return files
  }

  async function sendAll() {
    const login = await send('POST', '/login')
    await send('GET', '/me')
    const verify = await send('GET', '/me')
    const refresh = await send('POST', '/session/refresh')
    // After a pause the confirmation starts at once. Otherwise `flush` would start it, outside the request.
    await delay(PAUSE)
    const firstUse = await send('GET', '/me')
    await sessions.flush()
    const logout = await send('POST', '/session/logout')
    return [
      ['Verify, access token in the cache', verify],
      ['Verify, first use of a new access token (confirms the turn)', firstUse],
      ['Refresh', refresh],
      ['Login', login],
      ['Logout (revokes the session)', logout],
    ]
  }

  await sendAll() // to warm up
  const recorded = await sendAll()
  server.close()
  server.closeAllConnections()
  // Waits for the background work of the requests.
  await sessions.close()
  return recorded
}
