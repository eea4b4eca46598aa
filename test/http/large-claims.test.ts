import { request } from 'node:http'
import express from 'express'
import { describe, expect, it } from 'vitest'
import { expressSessions, sessionOf } from '../../src/adapters/express/index.ts'
import type { Sessions } from '../../src/index.ts'
import { listen as serve } from '../support/http-server.ts'
import { listen, openSessions } from '../support/sessions.ts'

const pad = (size: number): { pad: string } => ({ pad: 'x'.repeat(size) })

interface Received {
  readonly status: number
  /** The bytes of the `Set-Cookie` lines. */
  readonly bytes: number
  readonly jar: string
}

/** A POST as a proxy sends it that reads at most `maxHeaderSize` bytes of the head of the response. */
function post(port: number, path: string, cookie: string, maxHeaderSize: number): Promise<Received> {
  return new Promise((resolve, reject) => {
    const headers = { cookie, host: 'app.example.com', 'sec-fetch-site': 'same-origin' }
    const sent = request({ port, path, method: 'POST', headers, maxHeaderSize }, (response) => {
      response.resume()
      const cookies = response.headers['set-cookie'] ?? []
      resolve({
        status: response.statusCode!,
        bytes: cookies.reduce((sum, line) => sum + Buffer.byteLength(`Set-Cookie: ${line}\r\n`), 0),
        jar: cookies.map((line) => line.split(';')[0]!).join('; '),
      })
    })
    sent.on('error', reject).end()
  })
}

async function open(): Promise<{ sessions: Sessions; port: number }> {
  const sessions = await openSessions()
  const app = express()
  app.use(expressSessions(sessions))
  app.post('/login/:size', async (req, res) => {
    res.json(await sessionOf(req, sessions).create({ userId: 'u', claims: pad(Number(req.params.size)) }))
  })
  return { sessions, port: await serve(app) }
}

/** The largest claims that a call accepts. */
async function largest(accepts: (size: number) => Promise<unknown>): Promise<number> {
  let size = 0
  for (let step = 2048; step >= 1; step /= 2)
    size += await accepts(size + step).then(
      () => step,
      () => 0,
    )
  return size
}

describe('large claims', () => {
  it('that `setClaims` accepts pass a proxy with 4 kB for the head of a response', async () => {
    const { sessions, port } = await open()
    const login = await post(port, '/login/0', '', 4096)
    const { sessionId } = (await sessions.list('u'))[0]!
    const size = await largest((tried) => sessions.setClaims(sessionId, pad(tried)))
    expect(size).toBeGreaterThan(2100)
    await sessions.setClaims({ userId: 'u' }, pad(size))
    await expect(sessions.setClaims({ userId: 'u' }, pad(size + 1))).rejects.toThrow(
      /4 kB for response headers/,
    )
    const { status } = await post(port, '/session/refresh', login.jar, 4096)
    expect(status).toBe(200)
    expect((await sessions.get(sessionId))!.claims).toStrictEqual(pad(size))
  })

  it('may change while they are as large as the present ones', async () => {
    const sessions = await openSessions()
    const { session } = await sessions.create({ userId: 'u', claims: pad(2600) })
    expect(await sessions.setClaims(session.sessionId, pad(2650))).toBe(1)
    expect(await sessions.setClaims(session.sessionId, pad(0))).toBe(2)
    await expect(sessions.setClaims(session.sessionId, pad(2600))).rejects.toBeInstanceOf(TypeError)
  })

  it('that `refreshClaims` returns are reported, and the session keeps its own', async () => {
    let size = 0
    const sessions = await openSessions({ refreshClaims: () => pad(size) })
    const failed = listen(sessions, 'claimsRefreshFailed')
    const { refreshToken } = await sessions.create({ userId: 'u', claims: pad(0) })
    size = 2600
    const { session } = await sessions.refresh(refreshToken.value)
    expect(session.claims).toStrictEqual(pad(0))
    expect(failed).toMatchObject([{ error: expect.any(TypeError) }])
  })

  it('of any session pass a proxy with 8 kB, and are warned of once', async () => {
    const { sessions, port } = await open()
    const warned = listen(sessions, 'cookiesLarge')
    const small = await post(port, '/login/1600', '', 4096)
    expect(small.bytes).toBeLessThanOrEqual(3072)
    expect(warned).toStrictEqual([])
    const size = await largest((tried) => sessions.create({ userId: 'other', claims: pad(tried) }))
    const login = await post(port, `/login/${size}`, '', 8192)
    expect(warned).toStrictEqual([{ bytes: login.bytes, limit: 3072 }])
    const refreshed = await post(port, '/session/refresh', login.jar, 8192)
    expect(refreshed.status).toBe(200)
    expect(refreshed.bytes).toBeLessThan(5120)
    await expect(post(port, '/session/refresh', login.jar, 4096)).rejects.toMatchObject({
      code: 'HPE_HEADER_OVERFLOW',
    })
    expect(warned).toHaveLength(1)
  })
})
