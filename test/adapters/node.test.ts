import { EventEmitter, once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { type NodeOptions, nodeSessions, type RequestSession } from '../../src/adapters/node/index.ts'
import { FOR_CDNS, forCdns } from '../support/adapters/application.ts'
import { createClient, HOST } from '../support/http-client.ts'
import { listen } from '../support/http-server.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { openWithClock } from '../support/sessions.ts'

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

type Handler = (req: IncomingMessage, res: ServerResponse, session: RequestSession) => unknown

/** A server that records how each request ends: fulfilled, rejected (a bug of Pawl) or failed (a bug of the handler). */
async function serve(http: NodeOptions = {}, handler: Handler = (_req, res) => res.end('served')) {
  const opened = await openWithClock()
  const failures = new Map<ServerResponse | null, unknown>()
  const onError: NodeOptions['onError'] = (error, _req, res) => failures.set(res, error)
  const withSession = nodeSessions(opened.sessions, { ...http, onError })
  const outcomes: Promise<unknown>[] = []
  const responses: ServerResponse[] = []
  const port = await listen((req, res) => {
    responses.push(res)
    const served = withSession(handler, req.url === '/open' ? undefined : {})(req, res)
    outcomes.push(
      served.then(
        () => (failures.has(res) ? { status: 'failed', reason: failures.get(res) } : { status: 'fulfilled' }),
        (reason: unknown) => ({ status: 'rejected', reason }),
      ),
    )
  })
  return { ...opened, port, responses, outcomes: () => Promise.all(outcomes) }
}

it.each([
  ['a refusal', (session: RequestSession) => session.userId, 401],
  [
    'an error of the application',
    () => {
      throw new Error('a bug')
    },
    500,
  ],
] as const)('%s removes the content headers that the handler has set', async (_what, fail, expected) => {
  const { port } = await serve({}, (_req, res, session) => {
    res.setHeader('content-length', 500)
    res.setHeader('content-encoding', 'gzip')
    for (const [name, value] of Object.entries(FOR_CDNS)) res.setHeader(name, value)
    res.end(fail(session))
  })
  const { status, headers, text } = await createClient(port).send('GET', '/open')
  expect(status).toBe(expected)
  expect(headers['content-length']).toBe(String(text.length))
  expect(headers['content-encoding']).toBeUndefined()
  expect(headers['x-content-type-options']).toBe('nosniff')
  expect(forCdns(headers)).toStrictEqual([])
})

it('a throwing `onError` causes a warning and no rejection', async () => {
  const bug = (): never => {
    throw new Error('a bug')
  }
  const warnings = collectWarnings()
  const { sessions } = await openWithClock()
  const withSession = nodeSessions(sessions, { onError: bug })
  const served: Promise<void>[] = []
  const port = await listen((req, res) => void served.push(withSession(bug)(req, res)))
  expect((await createClient(port).send('GET', '/')).status).toBe(500)
  await Promise.all(served)
  expect(warnings).toMatchObject([{ name: 'PawlWarning' }])
})

it('an error that quotes the request cannot control the terminal that shows the default warning', async () => {
  const warnings = collectWarnings()
  const { sessions } = await openWithClock()
  const withSession = nodeSessions(sessions)
  const thrown = ['plain', 'evil \u001b]0;\u009b2J\u202e\n'].map((message) => new TypeError(message))
  const handlers = thrown.map((error) =>
    withSession(() => {
      throw error
    }),
  )
  let turn = 0
  const port = await listen((req, res) => void handlers[turn++]!(req, res))
  for (const _ of thrown) expect((await createClient(port).send('GET', '/')).status).toBe(500)
  expect(warnings).toStrictEqual([
    { name: 'TypeError', message: 'plain' },
    { name: 'TypeError', message: 'evil \\u001b]0;\\u009b2J\\u202e\\u000a' },
  ])
})

it.each(['//', '///x', 'http://[', '/%', '/\\\\'])(
  'a page load with the malformed target %s gets 401 and causes no rejection',
  async (target) => {
    const { port, outcomes } = await serve()
    const answer = await sendRaw(
      port,
      `GET ${target} HTTP/1.1\r\nHost: ${HOST}\r\nAccept: text/html\r\nCookie: __Host-pawl-access=x\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(await outcomes()).toMatchObject([{ status: 'fulfilled' }])
  },
)

it('a client that disconnects while it sends a body causes no rejection', async () => {
  const { port, outcomes } = await serve()
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `POST /session/refresh HTTP/1.1\r\nHost: ${HOST}\r\nPawl-Transport: bearer\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n`,
  )
  // `100 Continue` shows that the server has accepted the request.
  await once(socket, 'data')
  socket.write('{')
  socket.destroy()
  await expect.poll(outcomes).toMatchObject([{ status: 'fulfilled' }])
})

it('a request body that is too large gets 401 before it ends', async () => {
  const { port } = await serve()
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `POST /session/refresh HTTP/1.1\r\nHost: ${HOST}\r\nPawl-Transport: bearer\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(20_000)}`,
  )
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(String(answer)).toMatch(/^HTTP\/1\.1 401 /)
  socket.destroy()
})

it('creating a session after the headers were sent throws a TypeError and leaves no row', async () => {
  const { port, sessions, outcomes } = await serve({}, async (_req, res, session) => {
    res.writeHead(200)
    res.end('too early')
    await session.create({ userId: 'anna' })
  })
  expect((await createClient(port).send('POST', '/open')).cookies).toStrictEqual([])
  expect(await outcomes()).toMatchObject([{ status: 'failed', reason: expect.any(TypeError) }])
  expect(await sessions.list('anna')).toStrictEqual([])
})

it.each<[string, (res: ServerResponse) => unknown]>([
  ['end', (res) => res.end('x')],
  ['write', (res) => res.write('x')],
  ['flushHeaders', (res) => res.flushHeaders()],
  ['writeHead', (res) => res.writeHead(200)],
  ['writeHead with a reason', (res) => res.writeHead(200, 'Fine')],
  ['writeHead with an object', (res) => res.writeHead(200, { 'set-cookie': 'theme=dark', vary: 'Accept' })],
  ['writeHead with a list', (res) => res.writeHead(200, ['set-cookie', 'theme=dark', 'vary', 'Accept'])],
])('session cookies are sent if the handler sends the headers by %s', async (how, send) => {
  const { port } = await serve({}, async (_req, res, session) => {
    await session.create({ userId: 'anna' })
    send(res)
    if (!res.writableEnded) res.end()
  })
  const { cookies, headers } = await createClient(port).send('POST', '/open')
  const own = ['__Host-pawl-access', '__Secure-pawl-refresh']
  const given = / an object| a list/.test(how)
  expect(cookies.map((cookie) => cookie.split('=')[0])).toStrictEqual(given ? ['theme', ...own] : own)
  expect(headers.vary).toBe(given ? 'Accept, Cookie' : 'Cookie')
  expect(headers['cache-control']).toBe('private, no-store')
})

it('an error after the headers were sent closes the connection', async () => {
  const { port, outcomes } = await serve({}, (_req, res, session) => {
    res.write('half')
    return session.userId
  })
  await expect(createClient(port).send('GET', '/open')).rejects.toThrow()
  expect(await outcomes()).toMatchObject([{ status: 'fulfilled' }])
})

it('the option `ip` sets the address of a new session', async () => {
  const { port, sessions } = await serve(
    { ip: (req) => String(req.headers['x-real-ip']) },
    async (_req, res, session) => {
      res.end(JSON.stringify(await session.create({ userId: 'anna' })))
    },
  )
  await createClient(port).send('POST', '/open', { headers: { 'x-real-ip': '192.0.2.9' } })
  expect((await sessions.list('anna'))[0]!.ip).toBe('192.0.2.9')
})

it('a refresh does nothing if the client disconnects while the store reads', async () => {
  const { port, sessions, store, outcomes, responses, clock } = await serve()
  const { refreshToken, session } = await sessions.create({ userId: 'anna' })
  clock.advance(600)
  const read = store.read.bind(store)
  const gate = new EventEmitter()
  const reading = once(gate, 'reading')
  store.read = async (id) => {
    gate.emit('reading')
    await once(gate, 'go')
    return read(id)
  }
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `POST /session/refresh HTTP/1.1\r\nHost: ${HOST}\r\nCookie: __Secure-pawl-refresh=${refreshToken.value}\r\n\r\n`,
  )
  const refreshed: unknown[] = []
  sessions.on('refreshed', (event) => refreshed.push(event))
  await reading
  socket.destroy()
  await once(responses[0]!, 'close')
  gate.emit('go')
  expect(await outcomes()).toMatchObject([{ status: 'fulfilled' }])
  expect(refreshed).toStrictEqual([])
  store.read = read
  expect((await sessions.get(session.sessionId))!.active).toBe(true)
})

it('an error of the handler becomes an empty 500 and a warning, and the server keeps running', async () => {
  const { sessions } = await openWithClock()
  const failing = nodeSessions(sessions)(() => {
    throw new Error('a bug')
  })
  const port = await listen((req, res) => void failing(req, res))
  const warnings = collectWarnings()
  const { status, text } = await createClient(port).send('GET', '/open')
  expect([status, text]).toStrictEqual([500, ''])
  expect(warnings).toMatchObject([{ message: 'a bug' }])
  expect((await createClient(port).send('GET', '/open')).status).toBe(500)
})
