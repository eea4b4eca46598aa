import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  type NodeOptions,
  nodeSessions,
  type RequestSession,
  type RequireOptions,
  type UpgradeHandler,
} from '../../src/adapters/node/index.ts'
import { type ClaimsObject, type Sessions, StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { HOST } from '../support/http-client.ts'
import { fragile } from '../support/http-outage.ts'
import { jsonOf } from '../support/http-site.ts'
import { mute } from '../support/mute.ts'
import { openSessions, openWithClock } from '../support/sessions.ts'

type Handler = UpgradeHandler<ClaimsObject, unknown>

const wss = new WebSocketServer({ noServer: true })

/** Opens a WebSocket, sends the user id, and closes the socket when the session ends. */
const hello =
  (sessions: Sessions): Handler =>
  (req, socket, head, session) =>
    wss.handleUpgrade(req, socket, head, (ws) => {
      ws.on(
        'close',
        sessions.onEnded(session.sessionId, (reason) => ws.close(4001, reason)),
      )
      ws.send(session.userId)
    })

interface Given {
  readonly http?: NodeOptions
  readonly options?: Parameters<typeof openWithClock>[0]
  readonly require?: RequireOptions
  readonly handler?: (sessions: Sessions) => Handler
}

async function serve({ http = {}, options = {}, require, handler = hello }: Given = {}) {
  const opened = await openWithClock(options)
  const { sessions } = opened
  const errors: unknown[] = []
  const onError: NodeOptions['onError'] = (error, _req, res) => errors.push([error, res])
  const withSession = nodeSessions(sessions, { ...http, onError })
  const listener = withSession.upgrade(handler(sessions), require)
  const sockets: Socket[] = []
  const served: Promise<void>[] = []
  const server = createServer((_req, res) => res.end('served'))
  server.on('upgrade', (req, socket, head) => served.push(listener(req, socket, head)))
  server.on('connection', (socket) => sockets.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.close()
    for (const socket of sockets) socket.destroy()
    await once(server, 'close')
  })
  const { port } = server.address() as AddressInfo
  const { accessToken, refreshToken, session } = await sessions.create({ userId: 'anna' })
  return {
    ...opened,
    port,
    errors,
    sockets,
    /** Waits until every handshake is handled. */
    served: () => Promise.all(served),
    sessionId: session.sessionId,
    cookie: { cookie: `__Host-pawl-access=${accessToken.value}` },
    refreshCookie: `__Secure-pawl-refresh=${refreshToken.value}`,
    bearer: { authorization: `Bearer ${accessToken.value}` },
  }
}

/** Opens a WebSocket, by default as a page of the same site. */
function open(port: number, headers: Record<string, string> = {}): WebSocket {
  return new WebSocket(`ws://127.0.0.1:${port}/socket`, {
    headers: { host: HOST, 'sec-fetch-site': 'same-origin', ...headers },
  })
}

const greeting = async (ws: WebSocket): Promise<string> => {
  const [text] = await once(ws, 'message')
  return String(text)
}

/** The response to a refused handshake. */
async function refusal(
  ws: WebSocket,
): Promise<{ status: number | undefined; body: unknown; retryAfter: unknown }> {
  const [, answer] = (await once(ws, 'unexpected-response')) as [unknown, IncomingMessage]
  const chunks = await answer.toArray()
  return {
    status: answer.statusCode,
    body: jsonOf(Buffer.concat(chunks).toString()),
    retryAfter: answer.headers['retry-after'],
  }
}

/** Writes bytes to a socket and reads until the server closes it. */
async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('data', (chunk) => {
    received += String(chunk)
  })
  socket.write(text)
  await once(socket, 'close')
  return received
}

const handshake = (lines: readonly string[]): string =>
  [
    'GET /socket HTTP/1.1',
    `Host: ${HOST}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ...lines,
    '\r\n',
  ].join('\r\n')

it('a WebSocket opens with an access cookie', async () => {
  const { port, cookie } = await serve()
  expect(await greeting(open(port, cookie))).toBe('anna')
})

it('a WebSocket opens with a bearer token, even cross-site, because no page can send one', async () => {
  const { port, bearer } = await serve()
  expect(await greeting(open(port, { ...bearer, 'sec-fetch-site': 'cross-site' }))).toBe('anna')
})

it('a frame sent together with the handshake reaches the WebSocket', async () => {
  const { port, cookie } = await serve({
    handler: () => (req, socket, head, session) => {
      wss.handleUpgrade(req, socket, head, (ws) => {
        ws.on('message', (text) => ws.send(`${session.userId}: ${text}`))
      })
    },
  })
  // A masked text frame of "hi", with a mask of zeros, in the same packet.
  const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])
  const socket = connect(port, '127.0.0.1')
  socket.write(Buffer.concat([Buffer.from(handshake([`Cookie: ${cookie.cookie}`])), frame]))
  let received = ''
  while (!received.includes('anna: hi')) received += String((await once(socket, 'data'))[0])
  expect(received).toMatch(/^HTTP\/1\.1 101 /)
  socket.destroy()
})

it('a handshake without a session gets a complete 401 response and a closed connection', async () => {
  const { port, errors } = await serve()
  const answer = await sendRaw(port, handshake([]))
  const [head, body] = answer.split('\r\n\r\n') as [string, string]
  expect(head.split('\r\n')).toStrictEqual([
    'HTTP/1.1 401 Unauthorized',
    expect.stringMatching(/^date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/),
    'x-content-type-options: nosniff',
    'content-type: application/json',
    'cross-origin-resource-policy: same-site',
    'cache-control: private, no-store',
    'vary: Cookie',
    'content-length: 40',
    'connection: close',
  ])
  expect(body).toBe('{"code":"not_signed_in","refresh":false}')
  expect(errors).toStrictEqual([])
})

it.each([
  ['Sec-Fetch-Site', { 'sec-fetch-site': 'cross-site' }],
  ['Sec-Fetch-Site of a sibling', { 'sec-fetch-site': 'same-site' }],
  ['Origin', { 'sec-fetch-site': '', origin: 'https://evil.example' }],
])('a handshake from a page of another origin is refused because of %s', async (_by, headers) => {
  const { port, cookie } = await serve()
  expect(await refusal(open(port, { ...cookie, ...headers }))).toMatchObject({
    status: 403,
    body: { code: 'csrf_rejected', refresh: false },
  })
})

it('a handshake from a page of the same or a trusted origin succeeds', async () => {
  const { port, cookie } = await serve({ http: { trustedOrigins: ['https://www.example.com'] } })
  for (const origin of [`https://${HOST}`, 'https://www.example.com'])
    expect(await greeting(open(port, { ...cookie, 'sec-fetch-site': '', origin }))).toBe('anna')
})

it('a handshake with an expired access token gets 401 and does not use the refresh token', async () => {
  const { port, clock, sessions, sessionId, cookie, refreshCookie } = await serve({
    http: { refresh: 'inline' },
  })
  clock.advance(900)
  expect(await refusal(open(port, { cookie: `${cookie.cookie}; ${refreshCookie}` }))).toMatchObject({
    status: 401,
    body: { code: 'access_token_expired', refresh: true },
  })
  expect((await sessions.get(sessionId))!.generation).toBe(0)
})

it('revoking the session in this process closes the WebSocket with the reason', async () => {
  const { port, sessions, sessionId, cookie } = await serve()
  const ws = open(port, cookie)
  await greeting(ws)
  const closed = once(ws, 'close')
  await sessions.revoke(sessionId)
  const [code, reason] = await closed
  expect([code, String(reason)]).toStrictEqual([4001, 'revoked'])
  expect(await refusal(open(port, cookie))).toMatchObject({
    status: 401,
    body: { code: 'session_ended', refresh: false },
  })
})

it('revoking the session in another process closes the WebSocket through the feed', async () => {
  const { port, store, sessionId, cookie, clock } = await serve()
  const elsewhere = await openSessions({ store, now: clock.now })
  const ws = open(port, cookie)
  await greeting(ws)
  const closed = once(ws, 'close')
  await elsewhere.revoke(sessionId)
  const [code, reason] = await closed
  expect([code, String(reason)]).toStrictEqual([4001, 'revoked'])
})

it('an open WebSocket outlives its access token', async () => {
  const asked = new EventEmitter()
  const { port, clock, cookie } = await serve({
    handler: () => (req, socket, head, session) => {
      wss.handleUpgrade(req, socket, head, (ws) => {
        ws.on('message', () => ws.send(session.userId))
        asked.emit('open', ws)
      })
    },
  })
  const ws = open(port, cookie)
  await once(ws, 'open')
  clock.advance(3600)
  ws.send('who am I?')
  expect(await greeting(ws)).toBe('anna')
  expect((await refusal(open(port, cookie))).status).toBe(401)
})

it('a handshake with `lookup` reads the row', async () => {
  const { port, store, clock, sessionId, cookie } = await serve({ require: { lookup: true } })
  const elsewhere = await openSessions({ store: mute(store), now: clock.now })
  expect(await greeting(open(port, cookie))).toBe('anna')
  await elsewhere.revoke(sessionId)
  expect(await refusal(open(port, cookie))).toMatchObject({
    status: 401,
    body: { code: 'session_ended', refresh: false },
  })
})

it('a handshake with `lookup` gets 503 while the store is down', async () => {
  const database = fragile(memory())
  const { port, cookie, errors } = await serve({
    options: { store: database.store },
    require: { lookup: true },
  })
  database.down = true
  expect(await refusal(open(port, cookie))).toStrictEqual({
    status: 503,
    body: { code: 'unavailable' },
    retryAfter: '5',
  })
  database.down = false
  expect(await greeting(open(port, cookie))).toBe('anna')
  expect(errors).toStrictEqual([])
})

it('a handshake with `maxAuthAge` requires a recent authentication', async () => {
  const { port, clock, cookie } = await serve({ require: { maxAuthAge: 60 } })
  expect(await greeting(open(port, cookie))).toBe('anna')
  clock.advance(61)
  expect(await refusal(open(port, cookie))).toMatchObject({
    status: 403,
    body: { code: 'recent_auth_required' },
  })
})

it.each(['endpoint', 'inline'] as const)(
  'a handshake with an optional session admits visitors and refuses expired access tokens (refresh: %s)',
  async (refresh) => {
    const { port, clock, cookie } = await serve({
      http: { refresh },
      require: { optional: true },
      handler: () => (req, socket, head, session) =>
        wss.handleUpgrade(req, socket, head, (ws) => ws.send(session.current?.userId ?? 'nobody')),
    })
    expect(await greeting(open(port))).toBe('nobody')
    expect(await greeting(open(port, cookie))).toBe('anna')
    clock.advance(900)
    expect((await refusal(open(port, cookie))).status).toBe(401)
  },
)

it('an error of Pawl in the handler becomes its response if the WebSocket is not open yet', async () => {
  const { port, errors } = await serve({ require: { optional: true }, handler: hello })
  // `hello` reads the session in its callback, when the socket of the visitor is already open.
  const late = open(port)
  await once(late, 'close')
  expect(errors).toMatchObject([[{ code: 'ERR_NOT_SIGNED_IN' }, null]])

  const early = await serve({
    require: { optional: true },
    handler: () => (_req, _socket, _head, session) => session.userId,
  })
  expect(await refusal(open(early.port))).toMatchObject({ status: 401, body: { code: 'not_signed_in' } })
  expect(early.errors).toStrictEqual([])
})

it('an error of the application becomes an empty 500, or closes an open WebSocket', async () => {
  const bug = new Error('a bug')
  const before = await serve({
    handler: () => async () => {
      throw bug
    },
  })
  const answer = await sendRaw(before.port, handshake([`Cookie: ${before.cookie.cookie}`]))
  expect(answer).toMatch(
    /^HTTP\/1\.1 500 Internal Server Error\r\ndate: .*\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\ncontent-length: 0\r\nconnection: close\r\n\r\n$/,
  )
  expect(before.errors).toStrictEqual([[bug, null]])

  const after = await serve({
    handler: () => (req, socket, head) => {
      wss.handleUpgrade(req, socket, head, () => {
        throw bug
      })
    },
  })
  const [code] = await once(open(after.port, after.cookie), 'close')
  expect(code).toBe(1006)
  expect(after.errors).toStrictEqual([[bug, null]])
})

it('a WebSocket with a cookie can neither create nor revoke a session', async () => {
  const given: RequestSession[] = []
  const { port, sessions, sessionId, cookie, bearer } = await serve({
    handler: (sessions) => (req, socket, head, session) => {
      given.push(session)
      return hello(sessions)(req, socket, head, session)
    },
  })
  await greeting(open(port, cookie))
  const [session] = given as [RequestSession]
  await expect(session.create({ userId: 'mallory' })).rejects.toThrow(TypeError)
  await expect(session.revoke()).rejects.toThrow(TypeError)
  expect(await sessions.list('mallory')).toStrictEqual([])
  expect((await sessions.get(sessionId))!.active).toBe(true)

  await greeting(open(port, bearer))
  const answer = await given[1]!.create({ userId: 'berta' })
  expect(answer).toMatchObject({ refreshToken: expect.stringMatching(/^pawl_r1_/) })
})

it.each(['live', 'refused'])(
  'a client that disconnects during the lookup reaches no handler and causes no rejection: %s',
  async (how) => {
    let handled = 0
    const { port, store, sockets, served, errors, cookie } = await serve({
      require: { lookup: true },
      handler: () => () => handled++,
    })
    const read = store.read.bind(store)
    const gate = new EventEmitter()
    const reading = once(gate, 'reading')
    store.read = async (id) => {
      gate.emit('reading')
      await once(gate, 'go')
      if (how === 'refused') throw new StoreUnavailableError('the database is down')
      return read(id)
    }
    const socket = connect(port, '127.0.0.1')
    socket.write(handshake([`Cookie: ${cookie.cookie}`]))
    await reading
    // A reset emits an error on the server socket, which needs a listener.
    const [serverSocket] = sockets as [Socket]
    const closed = new Promise((resolve) => serverSocket.once('close', resolve))
    socket.resetAndDestroy()
    expect(await closed).toBe(true)
    gate.emit('go')
    await served()
    expect([handled, errors]).toStrictEqual([0, []])
  },
)

it('malformed handshakes are refused and do not stop the server', async () => {
  const { port, cookie, errors } = await serve()
  const signedIn = `Cookie: ${cookie.cookie}`
  const statusOf = async (text: string): Promise<string> => (await sendRaw(port, text)).slice(0, 12)
  const good = handshake([signedIn])
  for (const target of ['//', '///x', 'http://[', '/%', '/\\\\', '*'])
    expect(await statusOf(handshake([]).replace('/socket', target))).toBe('HTTP/1.1 401')
  // The WebSocket library refuses malformed handshakes of a user.
  expect(await statusOf(good.replace(/Sec-WebSocket-Key: .*\r\n/, ''))).toBe('HTTP/1.1 400')
  expect(await statusOf(good.replace('Version: 13', 'Version: 1'))).toBe('HTTP/1.1 400')
  expect(await statusOf(good.replace(/^GET/, 'POST'))).toBe('HTTP/1.1 405')
  expect(await statusOf(good.replace(/^GET/, 'G\u0000T'))).toBe('HTTP/1.1 400')
  expect(errors).toStrictEqual([])
  expect(await greeting(open(port, cookie))).toBe('anna')
})

it('an upgrade to another protocol is refused and reaches no route of Pawl', async () => {
  const { port, sessions, errors } = await serve({ http: { refresh: 'inline' } })
  const { refreshToken, session } = await sessions.create({ userId: 'berta' })
  for (const [method, path] of [
    ['POST', '/session/refresh'],
    ['GET', '/socket'],
  ]) {
    const answer = await sendRaw(
      port,
      `${method} ${path} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nCookie: __Secure-pawl-refresh=${refreshToken.value}\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(answer).not.toMatch(/set-cookie/i)
  }
  expect((await sessions.get(session.sessionId))!.generation).toBe(0)
  expect(errors).toStrictEqual([])
})

it('a handshake with the path of a route of Pawl does not run that route', async () => {
  const { port, sessions, sessionId, cookie } = await serve()
  const answer = await sendRaw(
    port,
    handshake([`Cookie: ${cookie.cookie}`]).replace('GET /socket', 'POST /session/logout'),
  )
  expect(answer).toMatch(/^HTTP\/1\.1 405 /)
  expect((await sessions.get(sessionId))!.active).toBe(true)
})

it('upgrade throws on a wrong requirement', async () => {
  const { sessions } = await openWithClock()
  const withSession = nodeSessions(sessions)
  const require = { maxAuthAge: '60' } as unknown as RequireOptions
  expect(() => withSession.upgrade(() => {}, require)).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_OPTIONS' }),
  )
})
